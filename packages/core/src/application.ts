/**
 * What is really spoken, as inspection names it from bytes. Closed: a misspelt application in a Deny rule would
 * deny nothing, and nobody would see it.
 */
export const APPLICATIONS = [
  'activemq',
  'amqp',
  'bgp',
  'bitcoin',
  'bittorrent',
  'cassandra',
  'clickhouse',
  'consul',
  'couchbase',
  'dhcp',
  'dns',
  'docker',
  'doh',
  'dot',
  'dtls',
  'elasticsearch',
  'etcd',
  'ftp',
  'geneve',
  'git',
  'grpc',
  'http',
  'icmp',
  'imap',
  'ipsec',
  'kafka',
  'kerberos',
  'kubernetes',
  'ldap',
  'llmnr',
  'mdns',
  'memcached',
  'mongodb',
  'mqtt',
  'mysql',
  'nats',
  'netbios',
  'nfs',
  'ntp',
  'openvpn',
  'oracle',
  'pop3',
  'postgresql',
  'quic',
  'radius',
  'rdp',
  'redis',
  'rpc',
  'rsync',
  'rtp',
  'rtsp',
  'sip',
  'smb',
  'smtp',
  'snmp',
  'socks',
  'sqlserver',
  'ssh',
  'stratum',
  'stun',
  'syslog',
  'telnet',
  'tftp',
  'tls',
  'tor',
  'vnc',
  'vxlan',
  'websocket',
  'wireguard',
  'zookeeper',
] as const
export type Application = (typeof APPLICATIONS)[number]

/** What is spoken inside another protocol's messages is that protocol, too. */
const WITHIN: Readonly<Partial<Record<Application, Application>>> = {
  consul: 'http',
  docker: 'http',
  doh: 'http',
  dot: 'tls',
  elasticsearch: 'http',
  etcd: 'grpc',
  grpc: 'http',
  kubernetes: 'http',
  tor: 'tls',
  websocket: 'http',
}

const OUTER: ReadonlyMap<string, Application> = new Map(Object.entries(WITHIN))

/** The application and what it is spoken in, as in `etcd`, `grpc`, `http`: a rule for any of them is about it. */
export function applicationsOf(application: string): readonly string[] {
  const outer = OUTER.get(application)
  return outer ? [application, ...applicationsOf(outer)] : [application]
}
