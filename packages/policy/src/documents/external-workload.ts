import {
  covers,
  fail,
  formatIp,
  type IpRange,
  LIMITS,
  type NamedPort,
  type NodeName,
  ok,
  type Problem,
  type ProtectionWord,
  parseCidr,
  parseIp,
  profileLabel,
  protectionWord,
  type Result,
  textsAt,
  type Workload,
  workloadId,
} from '@sekisho/core'
import { readMetadata } from './metadata.ts'
import { dnsSubdomain, portName } from './names.ts'
import { type Finding, formatPath, Spot } from './spot.ts'
import { deepFreeze } from './validate.ts'

export const EXTERNAL_WORKLOAD = 'ExternalWorkload'
const API_VERSION = 'sekisho.dev/v1alpha1'
/** More than a machine has that anybody would name. */
export const EXTERNAL_PORTS = 64
export const TRANSPORTS = ['TCP', 'UDP', 'SCTP'] as const
/** Names under which agents may join. */
export const NODE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/

/** A machine outside of the cluster, or an address without one's own agent, as a workload with labels. */
export interface ExternalWorkload {
  /** Without its protection, of which its namespace and the cluster have a say too. */
  readonly workload: Workload
  readonly word: ProtectionWord | undefined
}

const block = (text: string): IpRange => {
  const read = parseCidr(text)
  if (!read.ok) throw new TypeError(read.error)
  return read.value
}

/** Addresses that name no machine, or another one on each. */
const NOBODYS: readonly (readonly [what: string, blocks: readonly IpRange[]])[] = [
  ['this host', ['0.0.0.0/8', '::/128'].map(block)],
  ['loopback', ['127.0.0.0/8', '::1/128'].map(block)],
  ['link-local', ['169.254.0.0/16', 'fe80::/10'].map(block)],
  ['multicast or reserved', ['224.0.0.0/3', 'ff00::/8'].map(block)],
]

function readAddress(spot: Spot): string | undefined {
  const text = spot.text()
  if (text === undefined) return undefined
  const ip = parseIp(text)
  if (!ip) {
    spot.refuse(
      text.includes('/') ? 'must be one address; a block belongs into an ipBlock' : 'must be an address',
    )
    return undefined
  }
  const itself = { family: ip.family, first: ip.value, last: ip.value }
  const wrong = NOBODYS.find(([, blocks]) => blocks.some(each => covers(each, itself)))
  if (wrong) spot.refuse(`is a ${wrong[0]} address, which is no machine’s own`)
  return formatIp(ip)
}

/** Refuses what an item says again. */
function once<T>(
  items: readonly Spot[],
  read: (item: Spot) => T | undefined,
  keyOf: (value: T) => string,
): T[] {
  const seen = new Set<string>()
  return items.flatMap(item => {
    const value = read(item)
    if (value === undefined) return []
    if (seen.has(keyOf(value))) item.refuse(`${keyOf(value)} is written twice`)
    seen.add(keyOf(value))
    return [value]
  })
}

function readAddresses(spot: Spot): readonly string[] {
  const items = spot.list(LIMITS.addressesPerWorkload.value)
  if (spot.absent || (Array.isArray(spot.value) && spot.value.length === 0))
    spot.refuse('needs at least one address')
  return once(items, readAddress, ip => ip)
}

function readPort(spot: Spot): NamedPort | undefined {
  if (!spot.fields(['name', 'port', 'protocol'])) return undefined
  const name = spot.at('name').text()
  const wrong = name === undefined ? undefined : portName(name)
  if (wrong !== undefined) spot.at('name').refuse(wrong)
  const port = spot.at('port').integer(1, 65_535)
  const protocol = spot.at('protocol').absent ? 'TCP' : spot.at('protocol').oneOf(TRANSPORTS)
  return name === undefined || port === undefined || protocol === undefined
    ? undefined
    : { name, protocol, port }
}

function readNode(spot: Spot): NodeName {
  const text = spot.absent ? '' : (spot.text() ?? '')
  if (!spot.absent && text.length > 253) spot.refuse('must be at most 253 characters')
  else if (!spot.absent && typeof spot.value === 'string' && !NODE_NAME.test(text))
    spot.refuse('must be the name under which the agent joined: letters, digits, ".", "_" and "-"')
  return text as NodeName // of the form that the server takes for one
}

function readServiceAccount(spot: Spot): Pick<Workload, 'serviceAccount'> {
  if (spot.absent) return {}
  const text = spot.text()
  const wrong = text === undefined ? undefined : dnsSubdomain(text)
  if (wrong !== undefined) spot.refuse(wrong)
  return text === undefined ? {} : { serviceAccount: text }
}

/**
 * Says of an external workload that it is one of the entities `kube-apiserver`, `dns` or `metadata`. Policies of all
 * namespaces that name the entity mean it then: who owns one namespace must not say so.
 */
export const ENTITY_LABEL = 'sekisho.dev/entity'
const ENTITIES_IN = 'kube-system'

/** Reads a document whose kind is known. What it returns counts only if no finding was made on the way. */
export function readExternalWorkload(root: Spot): ExternalWorkload {
  root.fields(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
  if (root.at('apiVersion').value !== API_VERSION)
    root.at('apiVersion').refuse(`must be ${API_VERSION} for kind ${EXTERNAL_WORKLOAD}`)
  const { name, namespace, labels } = readMetadata(root.at('metadata'), 'namespaced')
  if (labels[ENTITY_LABEL] !== undefined && namespace !== ENTITIES_IN)
    root.at('metadata').at('labels').at(ENTITY_LABEL).refuse(`is for namespace ${ENTITIES_IN} only`)
  const annotations = textsAt(root.value, 'metadata', 'annotations')
  const spec = root.at('spec')
  spec.fields(['addresses', 'ports', 'serviceAccount', 'node'])
  const workload: Workload = {
    id: workloadId('external', namespace, name),
    kind: 'external',
    namespace,
    name,
    owner: { kind: EXTERNAL_WORKLOAD, name },
    labels: { ...profileLabel({ annotations, labels }), ...labels },
    ...readServiceAccount(spec.at('serviceAccount')),
    node: readNode(spec.at('node')),
    addresses: readAddresses(spec.at('addresses')),
    hostNetwork: false,
    ports: once(spec.at('ports').list(EXTERNAL_PORTS), readPort, port => port.name),
    state: 'running',
  }
  return { workload, word: protectionWord({ annotations, labels }) }
}

/** Validates one document that is JSON already. All mistakes are reported; with any, nothing is returned. */
export function validateExternalWorkload(json: unknown): Result<ExternalWorkload, readonly Problem[]> {
  const findings: Finding[] = []
  const read = readExternalWorkload(new Spot(json, [], findings))
  if (findings.length === 0) return ok(deepFreeze(read))
  return fail(findings.map(({ path, reason }) => ({ document: 0, path: formatPath(path), reason })))
}
