import type { Workload } from '@sekisho/core'
import type { Lost, PolicyDocument, Refusal } from '@sekisho/policy'
import { text, texts, UsageError, type Values } from '../arguments.ts'
import { EXIT, type Invocation } from '../command.ts'
import { describeProblem } from './policy-validate.ts'

const TARGETS = ['sekisho', 'networkpolicy'] as const

/** What `-o json` and `-o yaml` print. */
interface Converted {
  /** The translated policies, documents of one text. */
  readonly yaml: string
  readonly policies: readonly string[]
  /** What has no translation: its document is left out whole, unless it says otherwise. */
  readonly refused: readonly Refusal[]
  /** What a plain NetworkPolicy cannot say. */
  readonly lost: readonly Lost[]
  readonly notes: readonly { readonly document: number; readonly path: string; readonly text: string }[]
}

/** Ranges of the cluster's own addresses, as in `10.244.0.0/16,10.96.0.0/12`. */
const clusterCidrs = (values: Values): readonly string[] | undefined =>
  text(values, 'cluster-cidrs')
    ?.split(',')
    .map(one => one.trim())

/** Workloads of manifests; undefined where none are named. */
async function knownWorkloads(values: Values): Promise<readonly Workload[] | undefined> {
  const paths = texts(values, 'workloads')
  if (paths.length === 0) return undefined
  const { readCluster } = await import('./offline/files.ts')
  return (await readCluster({}, paths)).workloads
}

async function convertText(yaml: string, values: Values): Promise<Converted> {
  const target = TARGETS.find(one => one === (text(values, 'to') ?? 'sekisho'))
  if (!target) throw new UsageError('--to takes sekisho or networkpolicy')
  const [{ exportNetworkPolicies, importPolicies }, { policyToYaml }] = await Promise.all([
    import('@sekisho/policy/import'),
    import('@sekisho/policy/documents'),
  ])
  const [cidrs, file] = [clusterCidrs(values), text(values, 'filename')]
  const [workloads, clusterName] = [await knownWorkloads(values), text(values, 'cluster-name')]
  const imported = importPolicies(yaml, {
    ...(cidrs && { clusterCidrs: cidrs }),
    ...(workloads && { workloads }),
    ...(clusterName !== undefined && { clusterName }),
    ...(file !== undefined && file !== '-' && { file }),
  })
  const policies = imported.documents.map(({ id }: PolicyDocument) => id)
  const { refused, notes } = imported
  if (target === 'networkpolicy')
    return { policies, refused, notes, ...exportNetworkPolicies(imported.documents) }
  return { yaml: imported.documents.map(policyToYaml).join('---\n'), policies, refused, lost: [], notes }
}

/** What a person must know of, one line each. */
const remarks = ({ refused, lost, notes }: Converted): string[] => [
  ...refused.map(
    ({ at, reason, kept }) =>
      `refused: ${describeProblem({ ...at, reason }, '-')}${kept ? ' (only this part is left out)' : ''}`,
  ),
  ...lost.map(
    ({ policy, path, reason, kept }) =>
      `lost: ${policy} ${path}: ${reason}${kept ? '' : ' (the policy is left out)'}`,
  ),
  ...notes.map(note => `note: document ${note.document + 1}, ${note.path}: ${note.text}`),
]

/** Translates policies of other products, or Sekisho's to plain ones; exit code 1 when anything has no translation. */
export async function convert({ values, output }: Invocation, yaml: string): Promise<number> {
  const converted = await convertText(yaml, values)
  const { policies, refused, lost } = converted
  if (policies.length + refused.length === 0) throw new UsageError('there is no policy in this text')
  await output.one(converted, { human: shown => shown.yaml, name: shown => shown.policies.join('\n') })
  for (const line of remarks(converted)) process.stderr.write(`${line}\n`)
  return refused.length + lost.length > 0 ? EXIT.failed : EXIT.ok
}
