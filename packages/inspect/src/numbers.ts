/*
 * Numbers in bytes that may be missing, which then count as zero: recognisers look at a beginning that may be cut off
 * anywhere, and check the length themselves where it matters. Readers use the bounded `Reader`.
 */
const at = (bytes: Uint8Array, index: number): number => bytes[index] ?? 0

export const u16 = (bytes: Uint8Array, index: number): number =>
  (at(bytes, index) << 8) | at(bytes, index + 1)
export const u24 = (bytes: Uint8Array, index: number): number =>
  (at(bytes, index) << 16) | u16(bytes, index + 1)
export const u32 = (bytes: Uint8Array, index: number): number =>
  ((u16(bytes, index) << 16) | u16(bytes, index + 2)) >>> 0
export const u16le = (bytes: Uint8Array, index: number): number =>
  at(bytes, index) | (at(bytes, index + 1) << 8)
export const u24le = (bytes: Uint8Array, index: number): number =>
  u16le(bytes, index) | (at(bytes, index + 2) << 16)
export const u32le = (bytes: Uint8Array, index: number): number =>
  (u16le(bytes, index) | (u16le(bytes, index + 2) << 16)) >>> 0
