import type { Protocol } from '../protocol.ts'
import { ssh } from './ssh/ssh.ts'

/** All that can be recognised, in the order of their names. */
export const PROTOCOLS: readonly Protocol[] = [ssh]
