import { TYPE } from '../../src/protocols/dns/message.ts'

/** Messages as bytes, for tests. */
export type TypeWord = keyof typeof TYPE

export interface RecordSpec {
  readonly name: string
  readonly type: TypeWord
  readonly ttl?: number
  readonly data: readonly number[]
}

export interface MessageSpec {
  readonly id?: number
  readonly flags?: number
  readonly name?: string
  readonly type?: TypeWord
  readonly answers?: readonly RecordSpec[]
  readonly authority?: readonly RecordSpec[]
  readonly additional?: readonly RecordSpec[]
}

export const u16 = (value: number): number[] => [value >> 8, value & 255]
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)]
export const wireName = (name: string): number[] => [
  ...(name === '' ? [] : name.split('.').flatMap(label => [label.length, ...Buffer.from(label, 'latin1')])),
  0,
]
const record = ({ name, type, ttl = 60, data }: RecordSpec): number[] => [
  ...wireName(name),
  ...u16(TYPE[type]),
  ...u16(1),
  ...u32(ttl),
  ...u16(data.length),
  ...data,
]

export function message(spec: MessageSpec): Uint8Array {
  const { id = 7, flags = 0x0100, name = 'www.example.com', type = 'a' } = spec
  const sections = [spec.answers ?? [], spec.authority ?? [], spec.additional ?? []]
  return Uint8Array.from([
    ...[id, flags, 1, ...sections.map(({ length }) => length)].flatMap(u16),
    ...wireName(name),
    ...u16(TYPE[type]),
    ...u16(1),
    ...sections.flat().flatMap(record),
  ])
}

/** An OPT record: our size is the class, and the flags are the TTL; here always class 1. */
export const opt = (ttl = 0): RecordSpec => ({ name: '', type: 'opt', ttl, data: [] })
