/**
 * Where the content of a BER element (X.690 section 8.1) at `at` begins, or undefined where its length is none that
 * sensible protocols use: indefinite, or of more than four bytes.
 */
export function contentAt(bytes: Uint8Array, at: number): number | undefined {
  const length = bytes[at + 1] ?? 0
  if (length === 0x80 || length > 0x84) return undefined
  return at + 2 + (length < 0x80 ? 0 : length & 0x7f)
}
