import { type Application, type Direction, LIMITS, type Transport } from '@sekisho/core'
import type { PortSpec } from '../../documents/document.ts'
import type { Spot } from '../../documents/spot.ts'
import type { OrderedRule } from '../ordered/rule.ts'
import { type Group, type GroupContext, readGroup } from './group.ts'

/** One rule of NeuVector's one list. */
export interface NetworkRule {
  readonly priority: number
  readonly from: Group
  readonly to: Group
  /** What is matched and done, without the ends. */
  readonly what: OrderedRule
}

/** NeuVector's applications that inspection recognises; Spark, whose protocol nobody has written down, is not among them. */
const APPLICATIONS: Readonly<Record<string, Application>> = {
  ACTIVEMQ: 'activemq',
  CASSANDRA: 'cassandra',
  CONSUL: 'consul',
  COUCHBASE: 'couchbase',
  DHCP: 'dhcp',
  DNS: 'dns',
  ELASTICSEARCH: 'elasticsearch',
  ETCD: 'etcd',
  GRPC: 'grpc',
  HTTP: 'http',
  KAFKA: 'kafka',
  MEMCACHED: 'memcached',
  MONGODB: 'mongodb',
  MSSQL: 'sqlserver',
  MYSQL: 'mysql',
  NTP: 'ntp',
  ORACLE: 'oracle',
  POSTGRESQL: 'postgresql',
  RADIUS: 'radius',
  REDIS: 'redis',
  RTSP: 'rtsp',
  SIP: 'sip',
  SSH: 'ssh',
  SSL: 'tls',
  SYSLOG: 'syslog',
  TFTP: 'tftp',
  ZOOKEEPER: 'zookeeper',
}

/** Undefined where every application is meant. */
function readApplications(spot: Spot): readonly Application[] | undefined {
  const items = spot.list(LIMITS.wordsPerList.value)
  if (items.length === 0 || items.some(({ value }) => value === 'any')) return undefined
  return items.flatMap(item => {
    const name = (item.text() ?? '').toUpperCase()
    const application = Object.hasOwn(APPLICATIONS, name) ? APPLICATIONS[name] : undefined
    if (!application) item.refuse(`${String(item.value)} is no application that Sekisho knows`)
    return application ? [application] : []
  })
}

function readRange(spot: Spot, text: string, protocol: Transport): readonly PortSpec[] {
  if (text === 'any') return [{ kind: 'every', protocol }]
  const ends = text.split('-').map(Number)
  const [first = 0, last = first] = ends.toSorted((a, b) => a - b)
  if (ends.length > 2 || !/^\d+(?:-\d+)?$/.test(text) || last > 65_535 || last === 0)
    spot.refuse(`${text} is no port`)
  return [{ kind: 'range', protocol, first: Math.max(first, 1), last }]
}

const PROTOCOLS: Readonly<Record<string, Transport>> = { tcp: 'TCP', udp: 'UDP' }

function readPort(spot: Spot, text: string): readonly PortSpec[] {
  const [name = '', range, ...more] = text.split('/')
  const protocol = Object.hasOwn(PROTOCOLS, name) ? PROTOCOLS[name] : undefined
  if (text === 'icmp') return [{ kind: 'every', protocol: 'ICMP' }]
  if (protocol && range !== undefined && more.length === 0) return readRange(spot, range, protocol)
  spot.refuse(
    /^\d+(?:-\d+)?$/.test(text)
      ? `${text} is of TCP in NeuVector's manual and of every protocol in what it does; write tcp/${text}`
      : `${text} is no port`,
  )
  return []
}

/** As in `tcp/80,udp/5000-5010,icmp`; undefined where every port is meant. */
function readPorts(spot: Spot): readonly PortSpec[] | undefined {
  if (spot.absent) return undefined
  const words = (spot.text() ?? '')
    .toLowerCase()
    .split(',')
    .map(word => word.trim())
  if (words.some(word => word === 'any' || word === '')) return undefined
  return words.flatMap(word => readPort(spot, word))
}

const RULE = ['selector', 'applications', 'ports', 'action', 'name', 'priority']

/** A rule of a section, between the target of its document and a group of its own. */
export function readRule(
  spot: Spot,
  direction: Direction,
  { target, context }: { readonly target: Group; readonly context: GroupContext },
): readonly NetworkRule[] {
  if (!spot.fields(RULE)) return []
  const action = spot.at('action').oneOf(['allow', 'deny'])
  const priority = spot.at('priority').absent ? 0 : spot.at('priority').integer(0, 0xffffffff)
  const applications = readApplications(spot.at('applications'))
  const ports = readPorts(spot.at('ports'))
  const peer = readGroup(spot.at('selector'), context)
  if (action === undefined || priority === undefined || !peer) return []
  const [from, to] = direction === 'ingress' ? [peer, target] : [target, peer]
  if (from.peers.some(each => each.kind === 'written' && Object.hasOwn(each.peer, 'fqdn')))
    spot.at('selector').refuse('who connects has no name; names are for egress')
  const what: OrderedRule = {
    action: action === 'allow' ? 'Allow' : 'Deny',
    ...(ports && { ports }),
    ...(applications && { applications }),
  }
  return [{ priority, from, to, what }]
}
