import {
  canonicalIp,
  isProtected,
  type Labels,
  type NamedPort,
  type Namespace,
  type NodeName,
  namespace,
  type ProtectionWord,
  profileLabel,
  protectionWord,
  type Workload,
  workloadId,
} from '@sekisho/core'
import { EXTERNAL_WORKLOAD, readExternalWorkload } from '../documents/external-workload.ts'
import { readLabels } from '../documents/selector.ts'
import type { Spot } from '../documents/spot.ts'
import { type Located, textOf } from './located.ts'

/** Where each kind that makes pods has their template. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
  VirtualMachine: ['spec', 'template'],
}

export const WORKLOAD_KINDS = [...Object.keys(TEMPLATES), EXTERNAL_WORKLOAD]

/** Longest list of containers, ports or addresses that is looked at. */
const MOST = 1000

const namespaceOf = (root: Spot): string => textOf(root.at('metadata').at('namespace').value) || 'default'

const TRANSPORTS = ['TCP', 'UDP', 'SCTP'] as const

function namedPort(port: Spot): readonly NamedPort[] {
  if (port.at('name').absent) return []
  const name = port.at('name').text()
  const number = port.at('containerPort').integer(1, 65_535)
  const protocol = port.at('protocol').absent ? 'TCP' : port.at('protocol').oneOf(TRANSPORTS)
  return name === undefined || number === undefined || protocol === undefined
    ? []
    : [{ name, protocol, port: number }]
}

/** Containers, and init containers that keep running beside them (restartPolicy Always). */
function namedPorts(spec: Spot): readonly NamedPort[] {
  const sidecars = spec
    .at('initContainers')
    .list(MOST)
    .filter(each => each.at('restartPolicy').value === 'Always')
  const containers = [...spec.at('containers').list(MOST), ...sidecars]
  return containers.flatMap(container => container.at('ports').list(MOST).flatMap(namedPort))
}

/** Known only of a pod that runs, as `kubectl get -o yaml` prints it. */
function addresses(pod: Spot): readonly string[] {
  const ips = pod
    .at('status')
    .at('podIPs')
    .list(MOST)
    .map(each => each.at('ip'))
  const spots = ips.length > 0 ? ips : [pod.at('status').at('podIP')]
  return spots.flatMap(spot => {
    if (spot.absent) return []
    const ip = canonicalIp(spot.text() ?? '')
    if (ip === undefined) spot.refuse('must be an IP address')
    return ip === undefined ? [] : [ip]
  })
}

const STATES: Readonly<Record<string, Workload['state']>> = { Succeeded: 'finished', Failed: 'finished' }

/**
 * The workload that a manifest stands for. A controller is one workload, whatever its replicas: they have equal labels.
 * Where an address is not known no ipBlock holds the workload.
 */
function workloadOf({ root, kind }: Located, outer: OuterWords): Workload {
  const pod = (TEMPLATES[kind] ?? []).reduce((at, key) => at.at(key), root)
  const metadata = metadataOf(pod)
  const spec = pod.at('spec')
  const space = namespaceOf(root)
  const own = root.at('metadata').at('name').text() ?? ''
  const ips = addresses(root)
  const owner = kind === 'Pod' ? root.at('metadata').at('ownerReferences').list(MOST)[0] : undefined
  const ownerKind = textOf(owner?.at('kind').value) || kind
  const ownerName = textOf(owner?.at('name').value) || own
  const name = ips.length > 0 ? own : ownerName
  return {
    id: workloadId('pod', space, ips.length > 0 ? own : `${ownerName}.${ownerKind}`),
    kind: 'pod',
    namespace: space,
    name,
    owner: { kind: ownerKind, name: ownerName },
    labels: { ...profileLabel(metadata), ...metadata.labels },
    serviceAccount: textOf(spec.at('serviceAccountName').value) || 'default',
    node: (textOf(spec.at('nodeName').value) || 'unknown') as NodeName, // Kubernetes' names are ours
    addresses: ips,
    hostNetwork: spec.at('hostNetwork').value === true,
    ports: namedPorts(spec),
    state: STATES[textOf(root.at('status').at('phase').value)] ?? 'running',
    ...(!isProtected([...outer(space), protectionWord(metadata)]) && { protection: 'off' }),
  }
}

/** Annotations may hold anything; what is no text says nothing. */
function metadataOf(spot: Spot): { readonly labels: Labels; readonly annotations: Labels } {
  const written = spot.at('metadata').at('annotations')
  const annotations = written.keys.map(key => [key, written.at(key).value] as const)
  return {
    labels: readLabels(spot.at('metadata').at('labels')),
    annotations: Object.fromEntries(
      annotations.filter((each): each is [string, string] => typeof each[1] === 'string'),
    ),
  }
}

function externalOf({ root }: Located, outer: OuterWords): Workload {
  const { workload, word } = readExternalWorkload(root)
  return isProtected([...outer(workload.namespace), word]) ? workload : { ...workload, protection: 'off' }
}

/** What is said of protection outside of a pod: for the whole cluster, then of its namespace. */
type OuterWords = (namespace: string) => readonly (ProtectionWord | undefined)[]

function outerWords(located: readonly Located[], cluster: ProtectionWord | undefined): OuterWords {
  const spaces = located.filter(({ kind }) => kind === 'Namespace')
  const words = new Map(
    spaces.map(({ root }) => [
      textOf(root.at('metadata').at('name').value),
      protectionWord(metadataOf(root)),
    ]),
  )
  return space => [cluster, words.get(space)]
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** What selectors, rules and ports ask of a workload, and the addresses that are declared. */
const traits = ({ kind, addresses, ...of }: Workload): unknown => [
  Object.entries(of.labels).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  kind === 'external' ? addresses : [],
  of.serviceAccount,
  of.hostNetwork,
  of.ports,
  of.protection,
]

/** An object that is there twice may be repeated, but must not say two things: either could be the one that counts. */
function refuseOther(again: Located, before: Located, what: string): void {
  const { file, line } = before.place([])
  again.root.at('metadata').refuse(`${what} is already in ${file}, line ${line}, and differs from it`)
}

export interface LocatedWorkload {
  readonly workload: Workload
  readonly located: Located
}

/** Of two who say that an address is theirs one is wrong, and which one decides whom policies mean. */
function refuseShared(found: readonly LocatedWorkload[]): void {
  const owners = new Map<string, Located>()
  const inOrder = found.toSorted((a, b) => Number(isExternal(a)) - Number(isExternal(b)))
  for (const each of inOrder) {
    for (const [index, ip] of each.workload.addresses.entries()) {
      const before = owners.get(ip)
      owners.set(ip, before ?? each.located)
      if (!before || !isExternal(each)) continue
      const { file, line } = before.place([])
      const spot = each.located.root.at('spec').at('addresses').at(index)
      spot.refuse(`${ip} is already the address of a ${before.kind} in ${file}, line ${line}`)
    }
  }
}
const isExternal = ({ workload }: LocatedWorkload): boolean => workload.kind === 'external'

/**
 * One workload per controller, or per pod whose address is known; pods of one owner that differ are told apart.
 * @param firewall what is said of protection for the whole cluster.
 */
export function readWorkloads(
  located: readonly Located[],
  firewall?: ProtectionWord,
): readonly LocatedWorkload[] {
  const outer = outerWords(located, firewall)
  const found = new Map<string, LocatedWorkload>()
  for (const each of located) {
    if (!WORKLOAD_KINDS.includes(each.kind)) continue
    let workload = each.kind === EXTERNAL_WORKLOAD ? externalOf(each, outer) : workloadOf(each, outer)
    const before = found.get(workload.id)
    const differs = before && !same(traits(before.workload), traits(workload))
    const own = textOf(each.root.at('metadata').at('name').value)
    if (differs && each.kind === 'Pod' && own !== before.workload.name)
      workload = { ...workload, id: workloadId('pod', workload.namespace, own), name: own }
    else if (differs) refuseOther(each, before.located, `${each.kind} ${workload.namespace}/${own}`)
    if (!found.has(workload.id)) found.set(workload.id, { workload, located: each })
  }
  refuseShared([...found.values()])
  return [...found.values()]
}

/** Declared namespaces, and those that other manifests only mention. */
export function readNamespaces(located: readonly Located[]): readonly Namespace[] {
  const declared = new Map<string, { readonly labels: Namespace['labels']; readonly located: Located }>()
  for (const each of located.filter(({ kind }) => kind === 'Namespace')) {
    const name = each.root.at('metadata').at('name').text() ?? ''
    const { labels } = namespace(name, readLabels(each.root.at('metadata').at('labels')))
    const before = declared.get(name)
    if (before && !same(before.labels, labels)) refuseOther(each, before.located, `Namespace ${name}`)
    if (!before) declared.set(name, { labels, located: each })
  }
  const found = new Map([...declared].map(([name, { labels }]) => [name, namespace(name, labels)]))
  for (const { root, kind } of located) {
    const name = namespaceOf(root)
    const namespaced = WORKLOAD_KINDS.includes(kind) || !root.at('metadata').at('namespace').absent
    if (namespaced && !found.has(name)) found.set(name, namespace(name))
  }
  return [...found.values()]
}
