import type { Application, Transport } from '@sekisho/core'
import { expect, test } from 'vitest'
import { PROTOCOLS, type Protocol } from '../src/index.ts'
import { bytesOf, opening } from './conversation.ts'

const be = (value: number, bytes: number): string =>
  Array.from({ length: bytes }, (_, i) => String.fromCharCode((value >>> (8 * (bytes - 1 - i))) & 255)).join(
    '',
  )
const zeros = (count: number): string => '\0'.repeat(count)
const protocol = (name: Application, transport: Transport): Protocol => {
  const found = PROTOCOLS.find(
    ({ application, transports }) => application === name && transports.includes(transport),
  )
  if (!found) throw new TypeError(`no protocol ${name} over ${transport}`)
  return found
}

const AUTHENTICATOR = 'a'.repeat(16)
const ETHERNET = `${zeros(12)}\x08\x00E`
const rpc = (program: number): string =>
  be(7, 4) + be(0, 4) + be(2, 4) + be(program, 4) + be(3, 4) + be(0, 4) + zeros(16)
const ike = (length: number): string =>
  `${'i'.repeat(8)}${zeros(8)}\x21\x20\x22\x08${zeros(4)}${be(length, 4)}`
const time = (mode: number): string => String.fromCharCode(0x20 | mode) + zeros(47)
/** A message of Memcached's binary protocol. */
const binary = (magic: number, opcode: number, key: string, value: string): string =>
  String.fromCharCode(magic, opcode) +
  `${be(key.length, 2)}\0\0\0\0${be(key.length + value.length, 4)}${zeros(12)}${key}${value}`
const SIGN_IN = binary(0x80, 0x20, '', '')
const BGP = '\xff'.repeat(16)

test.each<[Application, Transport, client: string, server: string, kind: string]>([
  ['radius', 'UDP', `\x01\x01${be(26, 2)}${AUTHENTICATOR}\x01\x06shop`, '', 'certain'],
  ['radius', 'UDP', `\x01\x01${be(26, 2)}${AUTHENTICATOR}\x01\x09shop`, '', 'likely'],
  ['radius', 'UDP', `\x63\x01${be(20, 2)}${AUTHENTICATOR}`, '', 'no'],
  ['kerberos', 'UDP', `\x6a\x20\x30\x1e\xa1\x03\x02\x01\x05${zeros(20)}`, '', 'certain'],
  ['kerberos', 'TCP', `${be(34, 4)}\x6a\x20\x30\x1e\xa1\x03\x02\x01\x05${zeros(20)}`, '', 'certain'],
  ['kerberos', 'TCP', be(34, 4), '', 'more'],
  ['kerberos', 'UDP', `\x6a\x20\x30\x1e\xa1\x03\x02\x01\x04${zeros(20)}`, '', 'no'],
  ['ipsec', 'UDP', ike(28), '', 'certain'],
  ['ipsec', 'UDP', zeros(4) + ike(28), '', 'certain'],
  ['ipsec', 'UDP', ike(99), '', 'no'],
  ['nfs', 'UDP', rpc(100_003), '', 'certain'],
  ['nfs', 'TCP', be(0x80000028, 4) + rpc(100_003), '', 'certain'],
  ['nfs', 'UDP', rpc(100_000), '', 'no'],
  ['rpc', 'UDP', rpc(100_000), '', 'certain'],
  ['rpc', 'UDP', rpc(100_003), '', 'no'],
  ['sqlserver', 'TCP', `\x12\x01${be(47, 2)}${zeros(4)}\0${be(26, 2)}${be(6, 2)}`, '', 'certain'],
  ['sqlserver', 'TCP', `\x01\x01${be(20, 2)}${zeros(4)}select 1 x x`, `\x04\x01${be(20, 2)}`, 'certain'],
  ['sqlserver', 'TCP', '\x12\x01', '', 'more'],
  ['sqlserver', 'TCP', 'GET / HTTP/1.1', '', 'no'],
  ['tftp', 'UDP', '\0\x01boot.img\0octet\0', '', 'certain'],
  ['tftp', 'UDP', '\0\x03\0\x01data', '\0\x04\0\x01', 'certain'],
  ['tftp', 'UDP', '\0\x01boot.img\0binary\0', '', 'no'],
  ['ldap', 'TCP', '\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0', '', 'certain'],
  ['ldap', 'TCP', '\x30\x0c', '', 'more'],
  ['ldap', 'TCP', '\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x09\x04\0\x80\0', '', 'no'],
  ['snmp', 'UDP', '\x30\x20\x02\x01\x01\x04\x06public\xa0\x10', '', 'certain'],
  ['snmp', 'UDP', '\x30\x20\x02\x01\x03\x30\x10', '', 'certain'],
  ['snmp', 'UDP', '\x30\x20\x02\x01\x07\x30\x10', '', 'no'],
  ['stun', 'UDP', `\0\x01\0\0\x21\x12\xa4\x42${zeros(12)}`, '', 'certain'],
  ['stun', 'UDP', `\0\x01\0\0${zeros(16)}`, '', 'likely'],
  ['stun', 'UDP', `\0\x01\0\x03${zeros(19)}`, '', 'no'],
  ['bittorrent', 'TCP', '\x13BitTorrent protocol', '', 'certain'],
  ['bittorrent', 'UDP', 'd1:ad2:id20:aaaaaaaaaaaaaaaaaaaa', '', 'certain'],
  ['bittorrent', 'UDP', 'd1:x', '', 'no'],
  ['vxlan', 'UDP', `\x08\0\0\0\0\0\x07\0${ETHERNET}`, '', 'certain'],
  ['vxlan', 'UDP', `\x08\0\0\0\0\0\x07\x01${ETHERNET}`, '', 'no'],
  ['geneve', 'UDP', `\0\0\x65\x58\0\0\x07\0${ETHERNET}`, '', 'certain'],
  ['geneve', 'UDP', `\0\0\x65\x58\0\0\x07\0${zeros(14)}`, '', 'no'],
  ['ntp', 'UDP', time(3), '', 'likely'],
  ['ntp', 'UDP', time(3), time(4), 'certain'],
  ['ntp', 'UDP', zeros(48), '', 'no'],
  ['rdp', 'TCP', `\x03\0\0\x13\x0e\xe0${zeros(5)}\x01\0\x08\0${zeros(4)}`, '', 'certain'],
  ['rdp', 'TCP', '\x03\0\0', '', 'more'],
  ['rdp', 'TCP', `\x03\0\0\x13\x0e\xf0${zeros(13)}`, '', 'no'],
  ['vnc', 'TCP', '', 'RFB 003.008\n', 'certain'],
  ['vnc', 'TCP', '', 'RFB', 'more'],
  ['dhcp', 'UDP', `\x01\x01\x06\0${zeros(232)}\x63\x82\x53\x63`, '', 'certain'],
  ['dhcp', 'UDP', `\x01abc\0\x01\0\x04abcd`, '', 'likely'],
  ['dhcp', 'UDP', `\x01abc\0\x01\0\x09abcd`, '', 'no'],
  ['rtp', 'UDP', `\x80\x60${zeros(20)}`, `\x80\x60${zeros(20)}`, 'likely'],
  ['rtp', 'UDP', `\x40\x60${zeros(20)}`, '', 'no'],
  ['socks', 'TCP', '\x05\x01\0', '\x05\0', 'certain'],
  ['socks', 'TCP', '\x05\x01\0', '', 'likely'],
  ['socks', 'TCP', '\x04\x01\0\x50\x01\x02\x03\x04me\0', '\0\x5a', 'certain'],
  ['socks', 'TCP', '\x05\x01\0\0', '', 'no'],
  ['syslog', 'UDP', '<34>1 2003-10-11T22:14:15.003Z a b - - x', '', 'certain'],
  ['syslog', 'UDP', '<34>Oct 11 22:14:15 a b', '', 'certain'],
  ['syslog', 'UDP', '<34>something', '', 'likely'],
  ['syslog', 'UDP', '<999>x', '', 'no'],
  ['smb', 'TCP', '\0\0\0\x40\xfeSMB', '', 'certain'],
  ['smb', 'TCP', '\0\0\0', '', 'more'],
  ['smb', 'TCP', '\0\0\0\x40\xfeXYZ', '', 'no'],
  ['wireguard', 'UDP', `\x01\0\0\0${zeros(144)}`, '', 'certain'],
  ['wireguard', 'UDP', `\x01\0\0\0${zeros(100)}`, '', 'no'],
  ['openvpn', 'UDP', `\x38${zeros(13)}`, '', 'likely'],
  ['openvpn', 'UDP', `\x38${zeros(13)}`, `\x40${zeros(25)}`, 'certain'],
  ['openvpn', 'UDP', `\x39${zeros(13)}`, '', 'no'],
  ['rsync', 'TCP', '', '@RSYNCD: 31.0\n', 'certain'],
  ['git', 'TCP', '0032git-upload-pack /a.git\0host=b\0', '', 'certain'],
  ['git', 'TCP', '0032git-', '', 'more'],
  ['bgp', 'TCP', `${BGP}\0\x1d\x01`, '', 'certain'],
  ['bgp', 'TCP', `${BGP}\0\x1d\x09`, '', 'no'],
  ['stratum', 'TCP', '{"id":1,"method":"mining.subscribe","params":[]}\n', '', 'certain'],
  ['stratum', 'TCP', '\n {"id":1,"method":"mining.subscribe","params":[]}\n', '', 'certain'],
  [
    'stratum',
    'TCP',
    '{"id":1,"method":"login","params":{"login":"x","pass":"y","agent":"z"}}\n',
    '',
    'certain',
  ],
  ['stratum', 'TCP', '{"id":1,"method":"eth_blockNumber"}\n', '', 'no'],
  ['bitcoin', 'TCP', `\xf9\xbe\xb4\xd9version${zeros(13)}`, '', 'certain'],
  ['oracle', 'TCP', `\0\x60\0\0\x01\0\0\0${zeros(26)}(DESCRIPTION=(ADDRESS=x))`, '', 'certain'],
  ['oracle', 'TCP', `\0\x60\0\0\x06\0\0\0`, '', 'no'],
  ['cassandra', 'TCP', '\x04\0\0\0\x05\0\0\0\0', '', 'certain'],
  ['cassandra', 'TCP', '\x04\0\0\0\x09\0\0\0\0', '', 'no'],
  ['kafka', 'TCP', `${be(20, 4)}\0\x12\0\x03${be(7, 4)}\0\x04shop`, be(16, 4) + be(7, 4), 'certain'],
  ['kafka', 'TCP', `${be(20, 4)}\0\x12\0\x03${be(7, 4)}\0\x04shop`, be(16, 4) + be(8, 4), 'no'],
  ['zookeeper', 'TCP', be(44, 4) + zeros(24) + be(16, 4) + zeros(16), '', 'certain'],
  ['zookeeper', 'TCP', 'ruok', '', 'likely'],
  ['clickhouse', 'TCP', '\0\x11ClickHouse client', '', 'certain'],
  ['couchbase', 'TCP', binary(0x80, 0x1f, '{"a":"sdk"}', '\0\x02\0\x06'), '', 'certain'],
  ['couchbase', 'TCP', binary(0x80, 0x1f, '{"a":"sdk"}', '\0\x02\0'), '', 'more'],
  ['couchbase', 'TCP', binary(0x80, 0x89, 'shop', ''), '', 'certain'],
  ['couchbase', 'TCP', SIGN_IN + binary(0x80, 0xb5, '', ''), '', 'certain'],
  ['couchbase', 'TCP', SIGN_IN, '', 'more'],
  ['couchbase', 'TCP', SIGN_IN, binary(0x81, 0x20, '', 'SCRAM-SHA512 SCRAM-SHA1 PLAIN'), 'certain'],
  ['couchbase', 'TCP', SIGN_IN, binary(0x81, 0x20, '', 'SCRAM-SHA-1 PLAIN'), 'more'],
  ['couchbase', 'TCP', '', binary(0x81, 0xb5, '', '{"rev":1}'), 'certain'],
  ['couchbase', 'TCP', binary(0x80, 0x00, 'a', ''), '', 'more'],
  ['couchbase', 'TCP', `\x80\x89${be(251, 2)}${zeros(20)}`, '', 'no'],
  ['memcached', 'TCP', binary(0x80, 0x00, 'a', ''), '', 'certain'],
  ['memcached', 'TCP', SIGN_IN, '', 'likely'],
  ['memcached', 'TCP', binary(0x80, 0x1f, 'a', ''), '', 'no'],
  ['memcached', 'TCP', binary(0x80, 0xb5, '', ''), '', 'no'],
  ['activemq', 'TCP', `${be(270, 4)}\x01ActiveMQ`, '', 'certain'],
])('%s over %s: %#', (name, transport, client, server, kind) => {
  const first = client === '' ? 'server' : 'client'
  const asked = opening({ client: bytesOf(client), server: bytesOf(server), transport, first })
  expect(protocol(name, transport).recognise(asked)).toMatchObject({ kind })
})
