import type { DifferenceProof, ReachProof, UnneededProof } from '@sekisho/policy'
import { parseSentence, portsOf, prove as proveModel } from '@sekisho/policy/prove'
import { required, text, texts, UsageError } from '../../arguments.ts'
import { EXIT, type Invocation } from '../../command.ts'
import { modelNow, readCluster } from './files.ts'
import { differenceText, witnessText } from './words.ts'

const coverage = ({ covered }: ReachProof | DifferenceProof): string =>
  `looked at all flows: ${covered.pairs} pairs of ends that rules tell apart, ${covered.pieces} pieces of ports`

/** Exit code 1 where a flow was found. */
async function reach(invocation: Invocation): Promise<number> {
  const { values, positionals, output } = invocation
  const from = required(positionals, 1, 'FROM')
  const to = required(positionals, 2, 'TO')
  const asked = parseSentence(`from ${from} to ${to} deny`)
  if (!asked.ok) throw new UsageError(asked.error)
  const model = modelNow(await readCluster(values, texts(values, 'filename')))
  const ports = portsOf(asked.value)
  const proof = proveModel(model, {
    kind: 'reach',
    from: asked.value.from,
    to: asked.value.to,
    ...(ports && { ports }),
  })
  if (proof.kind !== 'reach') throw new TypeError(`asked for reach, got ${proof.kind}`)
  if (proof.covered.pieces === 0)
    throw new UsageError('nothing matches FROM or TO: there is no flow to ask about')
  const answer = { false: 'No', sure: 'Yes', can: 'It depends' }[`${proof.found}`]
  const human = (shown: ReachProof): string =>
    [
      `${answer}: ${from} → ${to}`,
      ...shown.witnesses.map(each => `  ${witnessText(each)}`),
      `  ${coverage(shown)}`,
      '',
    ].join('\n')
  await output.one(proof, { human, name: shown => String(shown.found) })
  return proof.found ? EXIT.failed : EXIT.ok
}

/** Exit code 1 where the two sets are not equivalent. Workloads come from -f. */
async function difference({ values, output }: Invocation, against: readonly string[]): Promise<number> {
  const manifests = await readCluster(values, texts(values, 'filename'))
  const other = await readCluster(values, against)
  const model = modelNow(manifests)
  const after = modelNow({ ...manifests, policies: other.policies })
  const proof = proveModel(model, { kind: 'difference', after })
  if (proof.kind !== 'difference') throw new TypeError(`asked for a difference, got ${proof.kind}`)
  const human = (shown: DifferenceProof): string =>
    [
      shown.equivalent ? 'Equivalent: no flow is judged differently.' : 'Not equivalent:',
      ...shown.differences.map(each => `  ${differenceText(each)}`),
      `  ${coverage(shown)}`,
      '',
    ].join('\n')
  await output.one(proof, { human, name: shown => String(shown.equivalent) })
  return proof.equivalent ? EXIT.ok : EXIT.failed
}

async function unneeded({ values, output }: Invocation): Promise<number> {
  const model = modelNow(await readCluster(values, texts(values, 'filename')))
  const proof = proveModel(model, { kind: 'unneeded' })
  if (proof.kind !== 'unneeded') throw new TypeError(`asked for unneeded rules, got ${proof.kind}`)
  await output.list<UnneededProof['rules'][number]>(proof.rules, {
    columns: [
      { title: 'RULE', value: ({ rule }) => rule },
      { title: 'WHY', value: ({ kind }) => kind },
      { title: 'DECIDED BY', value: ({ covers }) => covers.join(', ') || '-' },
    ],
    name: ({ rule }) => rule,
  })
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
