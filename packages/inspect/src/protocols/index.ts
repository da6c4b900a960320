import type { Protocol } from '../protocol.ts'
import { amqp } from './amqp/amqp.ts'
import { dns } from './dns/dns.ts'
import { dtls } from './dtls/dtls.ts'
import { ftp } from './ftp/ftp.ts'
import { http } from './http/http.ts'
import { imap } from './imap/imap.ts'
import { llmnr } from './llmnr/llmnr.ts'
import { mdns } from './mdns/mdns.ts'
import { memcached } from './memcached/memcached.ts'
import { mqtt } from './mqtt/mqtt.ts'
import { mysql } from './mysql/mysql.ts'
import { nats } from './nats/nats.ts'
import { netbios } from './netbios/netbios.ts'
import { pop3 } from './pop3/pop3.ts'
import { postgresql } from './postgresql/postgresql.ts'
import { quic } from './quic/quic.ts'
import { redis } from './redis/redis.ts'
import { rtsp } from './rtsp/rtsp.ts'
import { sip } from './sip/sip.ts'
import { smtp } from './smtp/smtp.ts'
import { ssh } from './ssh/ssh.ts'
import { telnet } from './telnet/telnet.ts'
import { tls } from './tls/tls.ts'
import { websocket } from './websocket/websocket.ts'

/** All that can be recognised, in the order of their names. */
export const PROTOCOLS: readonly Protocol[] = [
  amqp,
  dns,
  dtls,
  ftp,
  http,
  imap,
  llmnr,
  mdns,
  memcached,
  mqtt,
  mysql,
  nats,
  netbios,
  pop3,
  postgresql,
  quic,
  redis,
  rtsp,
  sip,
  smtp,
  ssh,
  telnet,
  tls,
  websocket,
]
