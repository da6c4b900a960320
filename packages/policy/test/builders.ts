import {
  type Labels,
  type Mode,
  type NodeName,
  namespace,
  type PolicyDocumentJson,
  type Workload,
  workloadId,
} from '@sekisho/core'
import { createModel, type Model, type PolicyDocument, parsePolicies, validatePolicy } from '../src/index.ts'

type Json = Readonly<Record<string, unknown>>

export const NODE = 'node-a' as NodeName

/** A running pod called `namespace/name`, labelled `app: name`. */
export function workload(
  key: string,
  ip: string,
  more: Partial<Omit<Workload, 'id' | 'addresses'>> & { readonly labels?: Labels } = {},
): Workload {
  const [space = '', name = ''] = key.split('/')
  return {
    id: workloadId('pod', space, name),
    kind: 'pod',
    namespace: space,
    name,
    owner: { kind: 'Deployment', name },
    labels: { app: name },
    node: NODE,
    addresses: ip === '' ? [] : ip.split(' '),
    hostNetwork: false,
    ports: [],
    state: 'running',
    ...more,
  }
}

export function valid(json: PolicyDocumentJson): PolicyDocument {
  const read = validatePolicy(json)
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return read.value
}

export const networkPolicy = (key: string, spec: Json, mode?: Mode): PolicyDocument => {
  const [space = '', name = ''] = key.split('/')
  return valid({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { namespace: space, name, ...(mode && { annotations: { 'sekisho.dev/mode': mode } }) },
    spec,
  })
}

export const securityPolicy = (key: string, spec: Json, mode: Mode = 'Enforce'): PolicyDocument => {
  const [space = '', name = ''] = key.split('/')
  const isCluster = space === ''
  return valid({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: isCluster ? 'ClusterSecurityPolicy' : 'SecurityPolicy',
    metadata: { ...(!isCluster && { namespace: space }), name },
    spec: { mode, ...spec },
  })
}

export function modelOf(workloads: readonly Workload[], policies: readonly PolicyDocument[] = []): Model {
  const model = createModel()
  const names = new Set(workloads.map(one => one.namespace))
  model.update({
    namespaces: { set: [...names].map(name => namespace(name, name === 'shop' ? { team: 'red' } : {})) },
    nodes: { set: [{ name: NODE, addresses: ['192.168.0.1', 'fd00:1::1'] }] },
    workloads: { set: workloads },
    policies: { set: policies },
  })
  return model
}

export function parsed(text: string): readonly PolicyDocument[] {
  const read = parsePolicies(text)
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return read.value
}
