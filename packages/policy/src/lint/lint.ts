import type { PolicyId } from '@sekisho/core'
import { type Manifests, modelOfManifests } from '../manifests/manifests.ts'
import { isSelectable } from '../model/entry.ts'
import { CHECKS, LINT_IDS, type LintId } from './checks.ts'
import type { Finding, LintContext, LintOptions } from './finding.ts'

/** Ids that a policy does not want to hear about, separated by commas: an exception that stands where it is made. */
export const IGNORE_ANNOTATION = 'sekisho.dev/lint-ignore'

/** Where the usual ingress controllers and load balancers live. */
const INGRESS_NAMESPACES = ['ingress-nginx', 'istio-system', 'traefik', 'kong', 'envoy-gateway-system']

function ignored(manifests: Manifests): ReadonlyMap<PolicyId, ReadonlySet<string>> {
  const of = ({ located }: Manifests['policies'][number]): readonly string[] => {
    const written = located.root.at('metadata').at('annotations').at(IGNORE_ANNOTATION).value
    return typeof written === 'string' ? written.split(',').map(id => id.trim()) : []
  }
  return new Map(manifests.policies.map(each => [each.policy.id, new Set(of(each))]))
}

/** By file, then by place in it. */
/** The same in every language of the user's. */
function order({ place: a }: Finding, { place: b }: Finding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return a.line - b.line || a.column - b.column
}

/** What is probably wrong with valid documents, and what a zero-trust cluster still lacks. */
export function lint(manifests: Manifests, options: LintOptions = {}): readonly Finding<LintId>[] {
  const model = modelOfManifests(manifests)
  const context: LintContext = {
    ingressNamespaces: INGRESS_NAMESPACES,
    podCidrs: [],
    mustProtect: [],
    ...options,
    manifests,
    model,
    workloads: [...model.workloads.values()].filter(isSelectable),
    namespaces: [...model.namespaces.values()],
  }
  const silent = ignored(manifests)
  const findings = LINT_IDS.flatMap(id =>
    [...CHECKS[id].run(context)].map(remark => ({ id, severity: CHECKS[id].severity, ...remark })),
  )
  return findings.filter(({ id, policy }) => !policy || !silent.get(policy)?.has(id)).toSorted(order)
}
