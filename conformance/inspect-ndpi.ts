import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Identifier, PROTOCOLS } from '@sekisho/inspect'
import { barred, type Row } from '../bench/report.ts'
import { type Ends, isBetween } from './capture/ends.ts'
import { type ReplayedFlow, replay } from './capture/replay.ts'
import { type Answer, engineErrorRow, explainAnswers, reportError, scoreRows } from './inspect-score.ts'

/** One flow as nDPI describes it. */
interface ExpectedFlow {
  readonly pcap: string
  readonly l4: string
  readonly src: string
  readonly sport: number
  readonly dst: string
  readonly dport: number
  /** `Master.Sub`. */
  readonly proto: string
  readonly confidence: string
}

/**
 * nDPI's names of what Sekisho recognises. Where nDPI names a service by its port or what went on before encryption
 * (IMAPS), what the bytes say is right too. What is not here is not among the applications that are measured.
 */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  AMQP: ['amqp'],
  BGP: ['bgp'],
  BITCOIN: ['bitcoin'],
  BitTorrent: ['bittorrent'],
  Cassandra: ['cassandra'],
  DHCP: ['dhcp'],
  DHCPV6: ['dhcp'],
  DNS: ['dns'],
  DoH_DoT: ['doh', 'dot', 'tls', 'http', 'quic'],
  FTPS: ['ftp', 'tls'],
  FTP_CONTROL: ['ftp'],
  GENEVE: ['geneve'],
  GRPC: ['grpc'],
  Git: ['git'],
  HTTP: ['http', 'elasticsearch', 'docker', 'kubernetes', 'consul', 'etcd', 'websocket', 'clickhouse'],
  HTTP2: ['http', 'grpc'],
  HTTP_Connect: ['http'],
  HTTP_Proxy: ['http'],
  ICMP: ['icmp'],
  ICMPV6: ['icmp'],
  IMAP: ['imap'],
  IMAPS: ['imap', 'tls'],
  IPSec: ['ipsec'],
  Kafka: ['kafka'],
  Kerberos: ['kerberos'],
  LDAP: ['ldap'],
  MDNS: ['mdns'],
  MQTT: ['mqtt'],
  Memcached: ['memcached'],
  Mining: ['stratum'],
  MongoDB: ['mongodb'],
  'MsSQL-TDS': ['sqlserver'],
  MySQL: ['mysql'],
  NFS: ['nfs', 'rpc'],
  NTP: ['ntp'],
  Nats: ['nats'],
  OpenVPN: ['openvpn'],
  Oracle: ['oracle'],
  POP3: ['pop3'],
  POPS: ['pop3', 'tls'],
  PostgreSQL: ['postgresql'],
  QUIC: ['quic'],
  RDP: ['rdp'],
  RESP: ['redis'],
  RPC: ['rpc', 'nfs'],
  RSYNC: ['rsync'],
  RTCP: ['rtp'],
  RTP: ['rtp'],
  RTSP: ['rtsp'],
  Radius: ['radius'],
  SIP: ['sip'],
  SMBv1: ['smb'],
  SMBv23: ['smb'],
  SMTP: ['smtp'],
  SMTPS: ['smtp', 'tls'],
  SNMP: ['snmp'],
  SOAP: ['http'],
  SOCKS: ['socks'],
  SSH: ['ssh'],
  STUN: ['stun'],
  Syslog: ['syslog'],
  TFTP: ['tftp'],
  TLS: ['tls', 'dot', 'doh'],
  Telnet: ['telnet'],
  Tor: ['tor'],
  VNC: ['vnc'],
  VXLAN: ['vxlan'],
  WebSocket: ['websocket'],
  WireGuard: ['wireguard'],
  ZooKeeper: ['zookeeper'],
}

const PROTOCOL_NAMES: Readonly<Record<string, string>> = { ICMPV6: 'ICMPv6', ESP: 'IP/50', AH: 'IP/51' }

/** nDPI tells neither which of two flows on the same ends it means, nor always who opened it. */
function endsOf({ l4, src, sport, dst, dport }: ExpectedFlow): Ends {
  const protocol = PROTOCOL_NAMES[l4] ?? l4
  return { protocol, a: { ip: src, port: sport }, b: { ip: dst, port: dport } }
}

const TOR = 'Tor'
/** The protocol; of TLS what is spoken in it, where its handshake tells. */
function labelOf({ proto }: ExpectedFlow): string {
  const [master = '', inner] = proto.split('.')
  return inner === TOR ? TOR : master
}

/** In captures where nDPI finds none: beside those that it tells it also leaves some of Tor's connections to be TLS. */
function takenForTor(answers: readonly Answer[]): number {
  const real = new Set(answers.filter(({ label }) => label === TOR).map(({ capture }) => capture))
  const others = answers.filter(({ capture }) => !real.has(capture))
  return others.filter(({ flow }) => flow?.applications.includes('tor')).length
}

function answerOf(flows: readonly ReplayedFlow[], expected: ExpectedFlow): Answer {
  const label = labelOf(expected)
  const same = flows.filter(flow => isBetween(flow, endsOf(expected)))
  const flow = same.find(each => each.applications.length > 0) ?? same.find(each => !each.unread) ?? same[0]
  return { capture: expected.pcap, flow, label, expected: LABELS[label] ?? [] }
}

/** Captures of nDPI's own tests: flows that it recognised by their bytes, of the applications that Sekisho names. */
export function ndpi(folder: string, explain: (line: string) => void): Row[] {
  const lines = readFileSync(join(folder, 'manifest.jsonl'), 'utf8').trim().split('\n')
  const expected = lines
    .map(line => JSON.parse(line) as ExpectedFlow)
    .filter(flow => flow.confidence === 'DPI' && labelOf(flow) in LABELS)
  const identifier = new Identifier({ protocols: PROTOCOLS, onEngineError: reportError(explain) })
  const answers = [...Map.groupBy(expected, ({ pcap }) => pcap)].flatMap(([pcap, flows]) => {
    const replayed = replay(join(folder, 'pcap', pcap), identifier)
    return flows.map(flow => answerOf(replayed, flow))
  })
  const suite = 'inspect/app-id-ndpi'
  const measured = answers.filter(answer => !isFragment(answer))
  explainAnswers(measured, explain)
  return [
    ...scoreRows(suite, measured),
    { suite, measure: 'left out: lone fragments', value: answers.length - measured.length, unit: 'flows' },
    barred({ suite, measure: 'taken for Tor', value: takenForTor(measured), unit: 'flows' }, '≤', 0),
    engineErrorRow(suite, identifier.engineErrors),
  ]
}

/** Fragments of packets that are never complete: no kernel hands them on, and only a guess could name them. */
const isFragment = ({ flow }: Answer): boolean => flow === undefined || flow.unread === 'fragment'
