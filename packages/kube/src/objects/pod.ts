import {
  canonicalIp,
  LIMITS,
  listAt,
  type NamedPort,
  type NodeName,
  profileLabel,
  textAt,
  valueAt,
  type Workload,
  type WorkloadState,
  workloadId,
} from '@sekisho/core'
import type { KubeObject } from '../object.ts'

const TRANSPORTS = ['TCP', 'UDP', 'SCTP'] as const
const isTransport = (text: string): text is (typeof TRANSPORTS)[number] =>
  TRANSPORTS.some(name => name === text)

function namedPort(port: unknown): readonly NamedPort[] {
  const name = textAt(port, 'name')
  const protocol = textAt(port, 'protocol') ?? 'TCP'
  const number = valueAt(port, 'containerPort')
  if (!name || !isTransport(protocol) || typeof number !== 'number') return []
  return [{ name, protocol, port: number }]
}

/** Of containers, and of init containers that keep running beside them (restartPolicy Always). */
function namedPorts({ json }: KubeObject): readonly NamedPort[] {
  const sidecars = listAt(json, 'spec', 'initContainers').filter(
    each => textAt(each, 'restartPolicy') === 'Always',
  )
  return [...listAt(json, 'spec', 'containers'), ...sidecars]
    .flatMap(container => listAt(container, 'ports').flatMap(namedPort))
    .slice(0, LIMITS.portsPerRule.value)
}

function addresses({ json }: KubeObject): readonly string[] {
  const texts = listAt(json, 'status', 'podIPs').map(each => textAt(each, 'ip') ?? '')
  const primary = textAt(json, 'status', 'podIP')
  const all = texts.length > 0 || primary === undefined ? texts : [primary]
  return all.flatMap(text => canonicalIp(text) ?? []).slice(0, LIMITS.addressesPerWorkload.value)
}

/** Finished pods give their addresses back at once; those that are being deleted keep them until they are gone. */
function stateOf({ json, isDeleting }: KubeObject): WorkloadState {
  const phase = textAt(json, 'status', 'phase')
  if (phase === 'Succeeded' || phase === 'Failed') return 'finished'
  return isDeleting ? 'terminating' : 'running'
}

interface Owner {
  readonly kind: string
  readonly name: string
}

/** Names that controllers make of a ReplicaSet's or Job's own maker: `web-5d59d67564`, `backup-28391020`. */
function makerOf({ kind, name }: Owner, { labels }: KubeObject): Owner {
  const hash = labels['pod-template-hash']
  if (kind === 'ReplicaSet' && hash && name.endsWith(`-${hash}`))
    return { kind: 'Deployment', name: name.slice(0, -hash.length - 1) }
  const scheduled = kind === 'Job' ? /^(?<name>.+)-\d{8,10}$/.exec(name)?.groups?.name : undefined
  return scheduled === undefined ? { kind, name } : { kind: 'CronJob', name: scheduled }
}

function ownerOf(pod: KubeObject): Owner {
  const references = listAt(pod.json, 'metadata', 'ownerReferences')
  const controller = references.find(each => valueAt(each, 'controller') === true) ?? references[0]
  const [kind, name] = [textAt(controller, 'kind'), textAt(controller, 'name')]
  return kind && name ? makerOf({ kind, name }, pod) : { kind: 'Pod', name: pod.name }
}

/**
 * The workload that a pod is; undefined until it has a node, since then it has no address either.
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
 */
export function podWorkload(pod: KubeObject): Workload | undefined {
  const node = textAt(pod.json, 'spec', 'nodeName')
  if (!node) return undefined
  return {
    id: workloadId('pod', pod.namespace, pod.name),
    kind: 'pod',
    namespace: pod.namespace,
    name: pod.name,
    owner: ownerOf(pod),
    labels: { ...profileLabel(pod), ...pod.labels },
    serviceAccount: textAt(pod.json, 'spec', 'serviceAccountName') || 'default',
    node: node as NodeName, // names of nodes are Kubernetes' names
    addresses: addresses(pod),
    hostNetwork: valueAt(pod.json, 'spec', 'hostNetwork') === true,
    ports: namedPorts(pod),
    state: stateOf(pod),
  }
}
