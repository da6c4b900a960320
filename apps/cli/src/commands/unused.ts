import type { UnusedView } from '@sekisho/control'
import { roleText, useText } from '@sekisho/policy/learn'
import { text, UsageError, type Values, wholeNumber } from '../arguments.ts'
import { EXIT, type Invocation } from '../command.ts'
import { type Column, renderTable } from '../output/table.ts'
import { language } from './explain.ts'

type Rule = UnusedView['rules'][number]

const DAYS_MAX = 3650

/** The days of `--unused`. */
export function daysOf(values: Values): number {
  const days = wholeNumber(values, 'unused') ?? 0
  if (days < 1 || days > DAYS_MAX) throw new UsageError(`--unused takes 1 to ${DAYS_MAX} days`)
  return days
}

/** What a person may remove: an unused denial stops nothing today, but that is what it is for. */
const isProposed = ({ role, use, isolates }: Rule): boolean =>
  role === 'allow' && use === 'unused' && isolates === undefined

const columns = (days: number, spoken: 'en' | 'ja'): readonly Column<Rule>[] => [
  { title: 'RULE', value: ({ rule }) => rule },
  { title: 'IS', value: ({ role }) => roleText(role, spoken) },
  { title: 'LAST', value: ({ last }) => last ?? '-' },
  { title: 'CONNECTIONS', value: ({ connections }) => String(connections) },
  { title: 'SINCE', value: ({ since }) => since },
  { title: 'USE', value: rule => useText(rule, days, spoken) },
]

const ROLES = ['allow', 'exception', 'deny'] as const

/** What can go first, then what is unused for a reason, then the rest; equals stay in the order of their policies. */
const order = (rule: Rule): number => (rule.use === 'used' ? ROLES.length : ROLES.indexOf(rule.role))

/** Rules by use for people; `-o json` has the policies without them as `yaml`. Exit code 1 where a rule can go. */
export async function printUnused(
  { values, output }: Invocation,
  view: UnusedView,
  days: number,
): Promise<number> {
  const spoken = language(text(values, 'lang'))
  const proposed = view.rules.filter(isProposed)
  const sorted = view.rules.toSorted((a, b) => order(a) - order(b))
  await output.one(view, {
    human: () => renderTable(sorted, columns(days, spoken), true),
    name: () => proposed.map(({ rule }) => rule).join('\n'),
  })
  return proposed.length > 0 ? EXIT.failed : EXIT.ok
}

/** By the policies in force and all that is on record. */
export async function suggestUnused(invocation: Invocation): Promise<number> {
  const { values, client } = invocation
  const days = daysOf(values)
  const namespace = text(values, 'namespace')
  const window = text(values, 'window')
  const view = await (await client()).post<UnusedView>('policies/unused', {
    days,
    ...(window !== undefined && { window }),
    ...(namespace !== undefined && { namespaces: [namespace] }),
  })
  return printUnused(invocation, view, days)
}
