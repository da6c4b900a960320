import type { Protocol } from '../protocol.ts'
import { http } from './http/http.ts'
import { ssh } from './ssh/ssh.ts'
import { tls } from './tls/tls.ts'

/** All that can be recognised, in the order of their names. */
export const PROTOCOLS: readonly Protocol[] = [http, ssh, tls]
