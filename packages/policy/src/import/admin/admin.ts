import { readMetadata } from '../../documents/metadata.ts'
import type { Foreign, Product, Translated } from '../foreign.ts'
import { readSpec } from './read.ts'
import { writeClusterNetworkPolicies } from './write.ts'

/** The API has no priority for the one baseline; newer Baseline policies of the same cluster go first. */
const BASELINE_PRIORITY = 1000
/** Every baseline is named `default`, which an AdminNetworkPolicy may be too. */
const BASELINE_NAME = 'baseline-default'

function translate(from: Foreign, priorities: Map<number, string>): Translated[] {
  const { root } = from
  root.fields(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
  const { name } = readMetadata(root.at('metadata'), 'cluster')
  const isBaseline = from.kind === 'BaselineAdminNetworkPolicy'
  const spec = readSpec(root.at('spec'), isBaseline ? 'BaselineAdminNetworkPolicy' : 'AdminNetworkPolicy')
  const written = isBaseline ? BASELINE_PRIORITY : root.at('spec').at('priority').integer(0, 1000)
  if (isBaseline && name !== 'default') root.at('metadata').at('name').refuse('must be "default"')
  const other = isBaseline || written === undefined ? undefined : priorities.get(written)
  if (other !== undefined)
    root
      .at('spec')
      .at('priority')
      .refuse(`is that of ${other} too: which of both is asked first is not defined`)
  if (written === undefined || from.findings.length > 0) return []
  if (!isBaseline) priorities.set(written, name)
  const as = {
    name: isBaseline ? BASELINE_NAME : name,
    from: `${from.kind} ${name}`,
    tier: isBaseline ? 'Baseline' : 'Admin',
    priority: written,
  } as const
  const drafts = writeClusterNetworkPolicies(spec, as)
  if (drafts.length > 1)
    from.note(root.at('spec'), `becomes ${drafts.length} policies, for one has at most 25 rules and 25 peers`)
  return drafts.map(draft => ({ draft, from }))
}

/**
 * AdminNetworkPolicy and BaselineAdminNetworkPolicy (policy.networking.k8s.io/v1alpha1, up to v0.1.7), which
 * ClusterNetworkPolicy replaced: Allow is its Accept, `ports` its `protocols`, 100 items of a list are 25.
 */
export const admin: Product = {
  translate(foreigns) {
    const priorities = new Map<number, string>()
    return foreigns.flatMap(from => translate(from, priorities))
  },
}
