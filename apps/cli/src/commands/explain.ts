import type { ExplanationView } from '@sekisho/control'
import { OUTCOME_WORDS } from '@sekisho/policy/outcome-words'
import { required, text, UsageError } from '../arguments.ts'
import { type Command, EXIT } from '../command.ts'
import { readInput } from '../input.ts'
import { end } from '../output/format.ts'

const HEADINGS = {
  en: { considered: 'Policies considered:', change: 'The smallest change that would allow it:' },
  ja: { considered: '確認したポリシー:', change: '許可するための最小の変更:' },
} as const

const DIRECTIONS = {
  en: { ingress: 'ingress', egress: 'egress' },
  ja: { ingress: '受信', egress: '送信' },
} as const

/** The verdict in sentences, every policy that was asked, and what would turn the verdict. */
export function describeExplanation(
  { sentences, considered, change }: Pick<ExplanationView, 'sentences' | 'considered' | 'change'>,
  spoken: 'en' | 'ja',
): string {
  const heading = HEADINGS[spoken]
  const asked = considered.map(({ policy, direction, outcome, mode, rule }) =>
    `  ${DIRECTIONS[spoken][direction]}  ${policy} (${mode}): ${OUTCOME_WORDS[spoken][outcome]} ${rule ?? ''}`.trimEnd(),
  )
  return [
    ...sentences[spoken],
    ...(asked.length > 0 ? ['', heading.considered, ...asked] : []),
    ...(change ? ['', heading.change, change] : []),
    '',
  ].join('\n')
}

/** Japanese when asked for, or when the locale says so (`LANG=ja_JP.UTF-8`). */
export function language(option: string | undefined): 'en' | 'ja' {
  if (option !== undefined && option !== 'en' && option !== 'ja')
    throw new UsageError('--lang takes en or ja')
  if (option !== undefined) return option
  const locale = process.env.LC_ALL || process.env.LC_MESSAGES || process.env.LANG || ''
  return locale.startsWith('ja') ? 'ja' : 'en'
}

export const explain: Command = {
  usage: 'sekisho explain SOURCE DESTINATION [PORT] [--protocol TCP] [--application NAME] [--policies FILE]',
  options: {
    protocol: { type: 'string' },
    application: { type: 'string' },
    policies: { type: 'string' },
  },
  run: async ({ values, positionals, output, client }) => {
    const source = required(positionals, 0, 'SOURCE (namespace/name or address)')
    const destination = required(positionals, 1, 'DESTINATION (namespace/name or address)')
    const port = positionals[2]
    if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)) {
      throw new UsageError(`PORT must be 0 to 65535, not "${port}"`)
    }
    const file = text(values, 'policies')
    const application = text(values, 'application')
    const api = await client()
    const view = await api.post<ExplanationView>('explain', {
      source,
      destination,
      ...(port === undefined ? {} : { port: Number(port) }),
      protocol: (text(values, 'protocol') ?? 'TCP').toUpperCase(),
      ...(application === undefined ? {} : { application }),
      ...(file === undefined ? {} : { yaml: await readInput(file) }),
    })
    const name = (shown: ExplanationView) => `${shown.outcome} ${end(shown.source)} ${end(shown.destination)}`
    const spoken = language(text(values, 'lang'))
    await output.one(view, { human: shown => describeExplanation(shown, spoken), name })
    return EXIT.ok
  },
}
