import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalIp, type L7Request } from '@sekisho/core'
import { type Detail, Identifier, PROTOCOLS } from '@sekisho/inspect'
import type { Row } from '../bench/report.ts'
import { type Ends, isBetween } from './capture/ends.ts'
import { type ReplayedFlow, replay } from './capture/replay.ts'
import { type Answer, engineErrorRow, explainAnswers, reportError, scoreRows } from './inspect-score.ts'

type LogRow = Readonly<Record<string, string>>
/** One test of Zeek: a trace and what its logs say about it. */
interface Expected {
  readonly trace: string
  readonly logs: Readonly<Record<string, readonly LogRow[]>>
}

/**
 * Zeek's names of services in conn.log. What is not here is not among the applications that are measured. Names of
 * NetBIOS and LLMNR, which have the shape of DNS, are DNS to Zeek.
 */
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  dhcp: ['dhcp'],
  dns: ['dns', 'mdns', 'llmnr', 'netbios'],
  ftp: ['ftp'],
  geneve: ['geneve'],
  http: ['http', 'websocket', 'elasticsearch', 'docker', 'kubernetes', 'consul', 'etcd', 'clickhouse'],
  imap: ['imap'],
  krb: ['kerberos'],
  ldap_tcp: ['ldap'],
  ldap_udp: ['ldap'],
  mysql: ['mysql'],
  ntp: ['ntp'],
  pop3: ['pop3'],
  postgresql: ['postgresql'],
  quic: ['quic'],
  redis: ['redis'],
  smtp: ['smtp'],
  ssh: ['ssh'],
  ssl: ['tls', 'dot', 'doh'],
  vxlan: ['vxlan'],
}

/** Logs that exist only for flows in which Zeek read the protocol. */
const LOGS: Readonly<Record<string, readonly string[]>> = {
  'dns.log': SERVICES.dns ?? [],
  'ftp.log': ['ftp'],
  'http.log': SERVICES.http ?? [],
  'kerberos.log': ['kerberos'],
  'ldap.log': ['ldap'],
  'ldap_search.log': ['ldap'],
  'mqtt_connect.log': ['mqtt'],
  'mqtt_publish.log': ['mqtt'],
  'mysql.log': ['mysql'],
  'ntp.log': ['ntp'],
  'postgresql.log': ['postgresql'],
  'quic.log': ['quic'],
  'radius.log': ['radius'],
  'rdp.log': ['rdp'],
  'redis.log': ['redis'],
  'rfb.log': ['vnc'],
  'sip.log': ['sip'],
  'smb_cmd.log': ['smb'],
  'smtp.log': ['smtp'],
  'snmp.log': ['snmp'],
  'socks.log': ['socks'],
  'ssh.log': ['ssh'],
  'ssl.log': ['tls', 'dot', 'doh', 'quic'],
  'syslog.log': ['syslog'],
  'websocket.log': ['websocket'],
}

const end = (row: LogRow, side: 'orig' | 'resp') => {
  const ip = row[`id.${side}_h`] ?? ''
  return { ip: canonicalIp(ip) ?? ip, port: Number(row[`id.${side}_p`]) }
}

const hasEnds = (row: LogRow): boolean => Number(row['id.resp_p']) > 0

/** Only some logs name the transport: the flow between the ends does, whichever it is. */
const flowsOf = (flows: readonly ReplayedFlow[], row: LogRow): readonly ReplayedFlow[] => {
  const protocols = row.proto ? [row.proto.toUpperCase()] : ['TCP', 'UDP']
  const ends = { a: end(row, 'orig'), b: end(row, 'resp') }
  return protocols.flatMap(protocol =>
    flows.filter(flow => isBetween(flow, { protocol, ...ends } satisfies Ends)),
  )
}

interface Claim {
  readonly label: string
  readonly expected: readonly string[]
  readonly row: LogRow
}

/** All parts of a service such as `imap,ssl` must be known, and each is right: the rest is begun inside the first. */
function claimOfConnection(row: LogRow): readonly Claim[] {
  const services = (row.service ?? '-').split(',').filter(name => !['ntlm', 'gssapi'].includes(name))
  const expected = services.flatMap(name => SERVICES[name] ?? [])
  return services.every(name => name in SERVICES) ? [{ label: services.join(), expected, row }] : []
}

function claimsOf({ logs }: Expected): readonly Claim[] {
  return Object.entries(logs).flatMap(([log, rows]) => {
    if (/^conn[.-]/.test(log)) return rows.filter(hasEnds).flatMap(claimOfConnection)
    const expected = LOGS[log]
    return expected ? rows.filter(hasEnds).map(row => ({ label: log, expected, row })) : []
  })
}

/** A flow inside a tunnel, or of another file: the engine sees only the outer one. */
const isThere = ({ flow }: Answer): boolean => flow !== undefined && flow.payloadPackets > 0

function answersOf(expected: Expected, flows: readonly ReplayedFlow[]): readonly Answer[] {
  return claimsOf(expected).map(({ label, expected: right, row }) => {
    const same = flowsOf(flows, row)
    const flow = same.find(each => each.applications.length > 0) ?? same[0]
    return { capture: expected.trace, flow, label, expected: right }
  })
}

/** The same flow is in the logs of several tests, and in several rows of one. */
const distinct = (answers: readonly Answer[]): Answer[] => [
  ...new Map(
    answers.map(answer => {
      const { capture, flow, label } = answer
      return [[capture, label, flow?.client.ip, flow?.client.port, flow?.server.port].join(), answer] as const
    }),
  ).values(),
]

/** One fact of a log that Sekisho reads as well, and whether it is among what was found in the flow. */
interface FieldCheck {
  readonly text: string
  readonly holds: boolean
}

const requests = (flow: ReplayedFlow): readonly L7Request[] =>
  flow.findings.flatMap(finding => (finding.kind === 'request' ? [finding.request] : []))
const details = (flow: ReplayedFlow, name: Detail): readonly string[] =>
  flow.findings.flatMap(finding =>
    finding.kind === 'detail' && finding.detail === name ? [finding.value] : [],
  )
const isSet = (text: string | undefined): text is string =>
  text !== undefined && text !== '-' && text !== '(empty)'
const pathOf = (uri: string): string => uri.replace(/^https?:\/\/[^/]*/, '').split('?')[0] || '/'

type FieldReader = (row: LogRow, flow: ReplayedFlow) => readonly FieldCheck[]

const FIELDS: Readonly<Record<string, FieldReader>> = {
  'http.log': ({ method, uri, host }, flow) => {
    if (!isSet(method) || !isSet(uri)) return []
    const holds = requests(flow).some(
      request =>
        request.kind === 'http' &&
        request.method === method &&
        request.path === pathOf(uri) &&
        (!isSet(host) || request.host.replace(/:\d+$/, '') === host.toLowerCase().replace(/:\d+$/, '')),
    )
    return [{ text: `${method} ${host}${uri}`, holds }]
  },
  'dns.log': ({ query, qtype_name: type }, flow) => {
    if (!isSet(query) || !isSet(type)) return []
    const holds = requests(flow).some(
      request => request.kind === 'dns' && request.name === query && request.type === type,
    )
    return [{ text: `${query} ${type}`, holds }]
  },
  'ssl.log': ({ server_name: name }, flow) => {
    if (!isSet(name)) return []
    const holds = requests(flow).some(request => request.kind === 'tls' && request.sni === name.toLowerCase())
    return [{ text: `server name ${name}`, holds }]
  },
  'quic.log': ({ server_name: name }, flow) => {
    if (!isSet(name)) return []
    const holds = requests(flow).some(request => request.kind === 'tls' && request.sni === name.toLowerCase())
    return [{ text: `server name ${name}`, holds }]
  },
  'ssh.log': ({ client, server }, flow) =>
    [
      ['client-software', client],
      ['server-software', server],
    ].flatMap(([name, banner]) => {
      if (!isSet(banner)) return []
      const found = details(flow, name as Detail)
      return [{ text: `${name} ${banner}`, holds: found.some(value => banner.endsWith(value)) }]
    }),
  'redis.log': ({ 'cmd.name': command }, flow) => {
    if (!isSet(command)) return []
    const [name = ''] = command.toUpperCase().split(' ')
    const holds = requests(flow).some(request => request.kind === 'redis' && request.command.startsWith(name))
    return [{ text: command, holds }]
  },
  'ftp.log': ({ command }, flow) =>
    isSet(command) ? [{ text: command, holds: details(flow, 'command').includes(command) }] : [],
}

interface CheckedField extends FieldCheck {
  readonly log: string
  readonly capture: string
}

function fieldsOf({ trace, logs }: Expected, flows: readonly ReplayedFlow[]): readonly CheckedField[] {
  return Object.entries(logs).flatMap(([log, rows]) =>
    rows.filter(hasEnds).flatMap(row => {
      const all = flowsOf(flows, row).filter(flow => flow.payloadPackets > 0)
      const checks = all.map(flow => FIELDS[log]?.(row, flow) ?? [])
      const [first = []] = checks
      return first.map(({ text }, i) => ({
        log,
        capture: trace,
        text,
        holds: checks.some(check => check[i]?.holds),
      }))
    }),
  )
}

function fieldRows(fields: readonly CheckedField[], explain: (line: string) => void): Row[] {
  for (const { log, capture, text, holds } of fields) if (!holds) explain(`${log}: ${text} in ${capture}`)
  return [...Map.groupBy(fields, ({ log }) => log)].map(([log, all]) => ({
    suite: 'inspect/fields-zeek',
    measure: `${log}, of ${all.length}`,
    value: all.filter(({ holds }) => holds).length,
    unit: 'found',
  }))
}

/** Traces of Zeek's own tests: services of conn.log, logs of single protocols, and facts in them that are read here too. */
export function zeek(folder: string, explain: (line: string) => void): Row[] {
  const lines = readFileSync(join(folder, 'manifest.jsonl'), 'utf8').trim().split('\n')
  const tests = lines.map(line => JSON.parse(line) as Expected)
  const identifier = new Identifier({ protocols: PROTOCOLS, onEngineError: reportError(explain) })
  const answers: Answer[] = []
  const fields: CheckedField[] = []
  for (const [trace, same] of Map.groupBy(tests, each => each.trace)) {
    const flows = replay(join(folder, 'traces', trace), identifier)
    answers.push(...same.flatMap(test => answersOf(test, flows)))
    fields.push(...same.flatMap(test => fieldsOf(test, flows)))
  }
  const suite = 'inspect/app-id-zeek'
  const measured = distinct(answers.filter(isThere))
  explainAnswers(measured, explain)
  return [
    ...scoreRows(suite, measured),
    engineErrorRow(suite, identifier.engineErrors),
    ...fieldRows(fields, explain),
  ]
}
