import type { Protocol } from '../protocol.ts'
import { activemq } from './activemq/activemq.ts'
import { amqp } from './amqp/amqp.ts'
import { bgp } from './bgp/bgp.ts'
import { bitcoin } from './bitcoin/bitcoin.ts'
import { bittorrent } from './bittorrent/bittorrent.ts'
import { cassandra } from './cassandra/cassandra.ts'
import { clickhouse } from './clickhouse/clickhouse.ts'
import { couchbase } from './couchbase/couchbase.ts'
import { dhcp } from './dhcp/dhcp.ts'
import { dns } from './dns/dns.ts'
import { dtls } from './dtls/dtls.ts'
import { ftp } from './ftp/ftp.ts'
import { geneve } from './geneve/geneve.ts'
import { git } from './git/git.ts'
import { http } from './http/http.ts'
import { imap } from './imap/imap.ts'
import { ipsec } from './ipsec/ipsec.ts'
import { kafka } from './kafka/kafka.ts'
import { kerberos } from './kerberos/kerberos.ts'
import { ldap } from './ldap/ldap.ts'
import { llmnr } from './llmnr/llmnr.ts'
import { mdns } from './mdns/mdns.ts'
import { memcached } from './memcached/memcached.ts'
import { mongodb } from './mongodb/mongodb.ts'
import { mqtt } from './mqtt/mqtt.ts'
import { mysql } from './mysql/mysql.ts'
import { nats } from './nats/nats.ts'
import { netbios } from './netbios/netbios.ts'
import { nfs } from './nfs/nfs.ts'
import { ntp } from './ntp/ntp.ts'
import { openvpn } from './openvpn/openvpn.ts'
import { oracle } from './oracle/oracle.ts'
import { pop3 } from './pop3/pop3.ts'
import { postgresql } from './postgresql/postgresql.ts'
import { quic } from './quic/quic.ts'
import { radius } from './radius/radius.ts'
import { rdp } from './rdp/rdp.ts'
import { redis } from './redis/redis.ts'
import { rpc } from './rpc/rpc.ts'
import { rsync } from './rsync/rsync.ts'
import { rtp } from './rtp/rtp.ts'
import { rtsp } from './rtsp/rtsp.ts'
import { sip } from './sip/sip.ts'
import { smb } from './smb/smb.ts'
import { smtp } from './smtp/smtp.ts'
import { snmp } from './snmp/snmp.ts'
import { socks } from './socks/socks.ts'
import { sqlserver } from './sqlserver/sqlserver.ts'
import { ssh } from './ssh/ssh.ts'
import { stratum } from './stratum/stratum.ts'
import { stun } from './stun/stun.ts'
import { syslog } from './syslog/syslog.ts'
import { telnet } from './telnet/telnet.ts'
import { tftp } from './tftp/tftp.ts'
import { tls } from './tls/tls.ts'
import { vnc } from './vnc/vnc.ts'
import { vxlan } from './vxlan/vxlan.ts'
import { websocket } from './websocket/websocket.ts'
import { wireguard } from './wireguard/wireguard.ts'
import { zookeeper } from './zookeeper/zookeeper.ts'

/**
 * All that can be recognised, in the order in which they are asked. What most conversations are comes first, for one that
 * is certain ends the search; then in the order of their names.
 */
export const PROTOCOLS: readonly Protocol[] = [
  http,
  tls,
  activemq,
  amqp,
  bgp,
  bitcoin,
  bittorrent,
  cassandra,
  clickhouse,
  couchbase,
  dhcp,
  dns,
  dtls,
  ftp,
  geneve,
  git,
  imap,
  ipsec,
  kafka,
  kerberos,
  ldap,
  llmnr,
  mdns,
  memcached,
  mongodb,
  mqtt,
  mysql,
  nats,
  netbios,
  nfs,
  ntp,
  openvpn,
  oracle,
  pop3,
  postgresql,
  quic,
  radius,
  rdp,
  redis,
  rpc,
  rsync,
  rtp,
  rtsp,
  sip,
  smb,
  smtp,
  snmp,
  socks,
  sqlserver,
  ssh,
  stratum,
  stun,
  syslog,
  telnet,
  tftp,
  vnc,
  vxlan,
  websocket,
  wireguard,
  zookeeper,
]
