import { u32 } from '../../numbers.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * ONC RPC (RFC 5531): transaction(32) then 0 for a call: version 2, program, its version, procedure; or 1 for an answer
 * and 0 or 1. Over TCP behind a record mark: last(1 bit) length(31).
 */
const CALL_BYTES = 40
/** Numbers below are assigned, those from 0x20000000 on the user's own. */
const PROGRAM_MIN = 100_000

/** The program that is called; 0 for an answer, undefined for neither. */
export function calledProgram(bytes: Uint8Array, isStream: boolean): number | undefined {
  const at = isStream ? 4 : 0
  if (isStream && ((bytes[0] ?? 0) & 0x80) === 0) return undefined
  const kind = u32(bytes, at + 4)
  if (kind === 1) return bytes.length >= at + 12 && u32(bytes, at + 8) <= 1 ? 0 : undefined
  if (kind !== 0 || bytes.length < at + CALL_BYTES || u32(bytes, at + 8) !== 2) return undefined
  const program = u32(bytes, at + 12)
  const hasCredentials = u32(bytes, at + 24) <= 6 && u32(bytes, at + 28) <= 400
  return program >= PROGRAM_MIN && u32(bytes, at + 16) <= 16 && hasCredentials ? program : undefined
}

/** NFS itself, and what belongs to it: mount, lock manager, status, quota, ACLs. */
export const NFS_PROGRAMS: ReadonlySet<number> = new Set([
  100_003, 100_005, 100_021, 100_024, 100_011, 100_227,
])

export function recogniseProgram(opening: Opening, isOurs: (program: number) => boolean): Recognition {
  const { client, server, transport } = opening
  if (client.length === 0) return server.length === 0 ? MORE : NO
  const isStream = transport === 'TCP'
  if (isStream && client.length < CALL_BYTES + 4) return ((client[0] ?? 0x80) & 0x80) === 0 ? NO : MORE
  const program = calledProgram(client, isStream)
  return program !== undefined && program > 0 && isOurs(program) ? certain(`call of program ${program}`) : NO
}

const recognise = (opening: Opening): Recognition =>
  recogniseProgram(opening, program => !NFS_PROGRAMS.has(program))

export const rpc: Protocol = { application: 'rpc', transports: ['TCP', 'UDP'], recognise }
