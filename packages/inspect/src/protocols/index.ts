import type { Protocol } from '../protocol.ts'
import { dns } from './dns/dns.ts'
import { dtls } from './dtls/dtls.ts'
import { http } from './http/http.ts'
import { llmnr } from './llmnr/llmnr.ts'
import { mdns } from './mdns/mdns.ts'
import { mysql } from './mysql/mysql.ts'
import { netbios } from './netbios/netbios.ts'
import { postgresql } from './postgresql/postgresql.ts'
import { quic } from './quic/quic.ts'
import { redis } from './redis/redis.ts'
import { ssh } from './ssh/ssh.ts'
import { tls } from './tls/tls.ts'
import { websocket } from './websocket/websocket.ts'

/** All that can be recognised, in the order of their names. */
export const PROTOCOLS: readonly Protocol[] = [
  dns,
  dtls,
  http,
  llmnr,
  mdns,
  mysql,
  netbios,
  postgresql,
  quic,
  redis,
  ssh,
  tls,
  websocket,
]
