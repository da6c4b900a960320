/*
 * The hello of SSL 2 (RFC 5246 appendix E.2), which clients once sent to reach servers of any version:
 *   1 length(15) type(8)=1 version(16) ciphers(16) session(16) challenge(16), then as many bytes as these three say
 */
const HEADER_BYTES = 2
const FIXED_BYTES = 9

/** It names no server. Only whole hellos count: two bytes of its five could be anything. */
export function isVersion2Hello(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_BYTES + FIXED_BYTES || bytes[2] !== 1) return false
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const [head, version, ciphers] = [view.getUint16(0), view.getUint16(3), view.getUint16(5)]
  const [session, challenge] = [view.getUint16(7), view.getUint16(9)]
  const isVersion = version === 0x0002 || (version >= 0x0300 && version <= 0x0303)
  const isWhole = head === 0x8000 + FIXED_BYTES + ciphers + session + challenge
  return isVersion && isWhole && ciphers > 0 && ciphers % 3 === 0 && challenge >= 16 && challenge <= 32
}
