import type { Workload } from '@sekisho/core'
import { createModel, type Model, type PolicyDocument, validatePolicy } from '@sekisho/policy'
import { type Manifest, textField } from './manifests.ts'
import type { Config } from './nca-config.ts'
import { documentsOf } from './nca-import.ts'
import { isCalico, rulesOf, Selected, SIDES } from './nca-selected.ts'
import { Unsupported } from './nca-topology.ts'

/** Nothing passes an interface of a host unless a policy lets it: Calico has no profiles for them. */
function closedHosts(): PolicyDocument {
  const subject = { workloadKinds: ['external'] }
  const document = validatePolicy({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: 'ClusterSecurityPolicy',
    metadata: { name: 'host-endpoints' },
    spec: { mode: 'Enforce', subject, policyTypes: ['Ingress', 'Egress'] },
  })
  if (!document.ok) throw new TypeError(JSON.stringify(document.error))
  return document.value
}

/**
 * What passes the last tier is left to the profile of an endpoint. That of pods allows everything; an interface of a
 * host has none, so that for it to pass is to be denied.
 */
function withoutProfile(policy: Manifest, config: Config, hosts: ReadonlySet<string>): Manifest {
  const tier = textField(policy, 'spec', 'tier') || 'default'
  if (!isCalico(policy) || tier !== 'default') return policy
  const selected = [...new Selected(config).by(policy)]
  if (selected.length === 0 || selected.some(id => !hosts.has(id))) return policy
  const denied = (rules: readonly unknown[]) =>
    rules.map(
      rule => (textField(rule, 'action') === 'Pass' ? { ...(rule as Manifest), action: 'Deny' } : rule), // a rule is an object
    )
  const sections = SIDES.filter(side => rulesOf(policy, side).length > 0)
  const changed = Object.fromEntries(sections.map(side => [side, denied(rulesOf(policy, side))]))
  return { ...policy, spec: { ...(policy.spec as Manifest), ...changed } } // a policy with rules has a spec
}

/** @param workloads those that the question is about; all of the configuration unless given. */
export function modelOf(config: Config, workloads: readonly Workload[] = config.topology.workloads): Model {
  const { topology, policies, others } = config
  if (topology.workloads.length === 0) throw new Unsupported('a topology without peers')
  const hosts = new Set<string>(
    topology.workloads.flatMap(({ id, kind }) => (kind === 'external' ? [id] : [])),
  )
  const meant = hosts.size === 0 ? policies : policies.map(policy => withoutProfile(policy, config, hosts))
  const documents = documentsOf([...meant, ...others])
  const model = createModel()
  model.update({
    namespaces: { set: topology.namespaces },
    workloads: { set: workloads },
    policies: { set: hosts.size > 0 ? [...documents, closedHosts()] : documents },
  })
  return model
}
