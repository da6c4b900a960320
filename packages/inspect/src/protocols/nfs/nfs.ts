import type { Opening, Protocol, Recognition } from '../../protocol.ts'
import { NFS_PROGRAMS, recogniseProgram } from '../rpc/rpc.ts'

/*
 * NFS (RFC 1094, RFC 1813, RFC 8881) and its helpers are programs of ONC RPC.
 */
const recognise = (opening: Opening): Recognition =>
  recogniseProgram(opening, program => NFS_PROGRAMS.has(program))

export const nfs: Protocol = { application: 'nfs', transports: ['TCP', 'UDP'], recognise }
