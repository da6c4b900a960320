import { text, UsageError } from '../arguments.ts'
import { EXIT, type Invocation } from '../command.ts'

type Converted = {
  readonly yaml: string
  readonly left: readonly string[]
  readonly notes: readonly string[]
}

const TARGETS = ['sekisho', 'networkpolicy'] as const

/** Ranges of the cluster's own addresses, as in `10.244.0.0/16,10.96.0.0/12`. */
function clusterCidrs(values: Invocation['values']): readonly string[] | undefined {
  const written = text(values, 'cluster-cidrs')
  return written?.split(',').map(one => one.trim())
}

async function convertText(yaml: string, { values }: Invocation): Promise<Converted> {
  const { exportNetworkPolicies, importPolicies, policyToYaml } = await import('@sekisho/policy')
  const target = TARGETS.find(one => one === (text(values, 'to') ?? 'sekisho'))
  if (!target) throw new UsageError('--to takes sekisho or networkpolicy')
  const cidrs = clusterCidrs(values)
  const imported = importPolicies(yaml, cidrs ? { clusterCidrs: cidrs } : {})
  const refused = imported.refused.map(({ at, construct, reason }) => {
    const line = at.line === undefined ? '' : ` (line ${at.line})`
    return `refused: document ${at.document + 1}${line}, ${at.path || construct}: ${reason}`
  })
  const notes = imported.notes.map(note => `note: document ${note.document + 1}, ${note.path}: ${note.text}`)
  if (target === 'sekisho')
    return { yaml: imported.documents.map(policyToYaml).join('---\n'), left: refused, notes }
  const exported = exportNetworkPolicies(imported.documents)
  const lost = exported.lost.map(
    each =>
      `lost: ${each.policy} ${each.path}: ${each.reason}${each.kept ? '' : ' (the policy is left out)'}`,
  )
  return { yaml: exported.yaml, left: [...refused, ...lost], notes }
}

/** Translates policies of other products, or Sekisho's to plain ones; exit code 1 when anything has no translation. */
export async function convert(invocation: Invocation, yaml: string): Promise<number> {
  const { yaml: translated, left, notes } = await convertText(yaml, invocation)
  if (translated) invocation.output.text(translated)
  for (const line of [...left, ...notes]) process.stderr.write(`${line}\n`)
  return left.length > 0 ? EXIT.failed : EXIT.ok
}
