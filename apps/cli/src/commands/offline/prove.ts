import type {
  Change,
  DifferenceProof,
  Proof,
  ReachProof,
  SurveyOptions,
  UnneededProof,
} from '@sekisho/policy'
import { parseSentence, portsOf, prove as proveModel } from '@sekisho/policy/prove'
import { required, text, texts, UsageError, type Values } from '../../arguments.ts'
import { EXIT, type Invocation } from '../../command.ts'
import { modelNow, readCluster } from './files.ts'
import { differenceText, flowText, witnessText } from './words.ts'

const coverage = ({ covered: { pairs, pieces, complete } }: Proof): string =>
  `looked at ${complete ? 'all' : 'only some'} flows: ${pairs} pairs of ends that rules tell apart, ${pieces} pieces of ports`

/** On a terminal, how far a proof about a big cluster is; the line is taken back when it is done. */
function watched<T>(run: (survey: SurveyOptions) => T): T {
  const { stderr } = process
  if (!stderr.isTTY) return run({})
  let isShown = false
  const progress: SurveyOptions['progress'] = ({ pieces }) => {
    isShown = true
    stderr.write(`\rlooked at ${pieces.toLocaleString('en')} pieces of flows …`)
  }
  try {
    return run({ progress })
  } finally {
    if (isShown) stderr.write('\r\u001b[K')
  }
}

/** What was not found may be among the flows that were not looked at. */
const NOT_PROVED = 'Not proved: there are more flows than are looked at; ask about fewer ends or ports.'

/** Exit code 1 where a flow was found. */
async function reach(invocation: Invocation): Promise<number> {
  const { values, positionals, output } = invocation
  const from = required(positionals, 1, 'FROM')
  const to = required(positionals, 2, 'TO')
  const asked = parseSentence(`from ${from} to ${to} deny`)
  if (!asked.ok) throw new UsageError(asked.error)
  const model = modelNow(await readCluster(values, texts(values, 'filename')))
  const ports = portsOf(asked.value)
  const question = { from: asked.value.from, to: asked.value.to, ...(ports && { ports }) }
  const proof = watched(survey => proveModel(model, { kind: 'reach', ...question, ...survey }))
  if (proof.kind !== 'reach') throw new TypeError(`asked for reach, got ${proof.kind}`)
  if (proof.covered.pieces === 0)
    throw new UsageError('nothing matches FROM or TO: there is no flow to ask about')
  const answer = { false: 'No', sure: 'Yes', can: 'It depends' }[`${proof.found}`]
  const isOpen = !proof.found && !proof.covered.complete
  const human = (shown: ReachProof): string =>
    [
      isOpen ? NOT_PROVED : `${answer}: ${from} → ${to}`,
      ...shown.witnesses.map(each => `  ${witnessText(each)}`),
      `  ${coverage(shown)}`,
      '',
    ].join('\n')
  await output.one(proof, { human, name: shown => String(shown.found) })
  return proof.found || isOpen ? EXIT.failed : EXIT.ok
}

const CHANGES = {
  any: 'Equivalent: no flow is judged differently.',
  opened: 'Nothing is opened: no flow passes that did not before.',
  closed: 'Nothing is closed: every flow passes that did before.',
} as const satisfies Record<Change | 'any', string>

function wantedChange(values: Values): Change | 'any' {
  const wanted = text(values, 'change') ?? 'any'
  if (Object.hasOwn(CHANGES, wanted)) return wanted as keyof typeof CHANGES // it is one of them
  throw new UsageError(`--change takes ${Object.keys(CHANGES).join(', ')}, not ${wanted}`)
}

/** Exit code 1 where --against changes what is allowed. Workloads come from -f. */
async function difference({ values, output }: Invocation, against: readonly string[]): Promise<number> {
  const manifests = await readCluster(values, texts(values, 'filename'))
  const other = await readCluster(values, against)
  const model = modelNow(manifests)
  const after = modelNow({ ...manifests, policies: other.policies })
  const change = wantedChange(values)
  const proof = watched(survey => proveModel(model, { kind: 'difference', after, change, ...survey }))
  if (proof.kind !== 'difference') throw new TypeError(`asked for a difference, got ${proof.kind}`)
  const isOpen = proof.equivalent && !proof.covered.complete
  const human = (shown: DifferenceProof): string =>
    [
      isOpen ? NOT_PROVED : shown.equivalent ? CHANGES[change] : 'Not equivalent:',
      ...shown.differences.map(each => `  ${differenceText(each)}`),
      `  ${coverage(shown)}`,
      '',
    ].join('\n')
  await output.one(proof, { human, name: shown => String(shown.equivalent) })
  return proof.equivalent && !isOpen ? EXIT.ok : EXIT.failed
}

async function unneeded({ values, output }: Invocation): Promise<number> {
  const model = modelNow(await readCluster(values, texts(values, 'filename')))
  const proof = watched(survey => proveModel(model, { kind: 'unneeded', ...survey }))
  if (proof.kind !== 'unneeded') throw new TypeError(`asked for unneeded rules, got ${proof.kind}`)
  await output.list<UnneededProof['rules'][number]>(proof.rules, {
    columns: [
      { title: 'RULE', value: ({ rule }) => rule },
      { title: 'WHY', value: ({ kind }) => kind },
      { title: 'DECIDED BY', value: ({ covers }) => covers.join(', ') || '-' },
      { title: 'AS IN', value: ({ witness }) => (witness ? flowText(witness) : 'no flow') },
    ],
    name: ({ rule }) => rule,
  })
  if (!proof.covered.complete) process.stderr.write(`${coverage(proof)}: others may be unneeded too\n`)
  return proof.rules.length > 0 ? EXIT.failed : EXIT.ok
}

export function prove(invocation: Invocation): Promise<number> {
  const { values } = invocation
  if (values.unneeded) return unneeded(invocation)
  const against = texts(values, 'against')
  if (against.length > 0) return difference(invocation, against)
  if (text(values, 'against') === '') throw new UsageError('--against takes a file or folder')
  return reach(invocation)
}
