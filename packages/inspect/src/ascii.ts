/** Whether the bytes begin with an ASCII text; 'more' where they end before it does and fit so far. */
export function startsWith(bytes: Uint8Array, text: string): 'yes' | 'no' | 'more' {
  const length = Math.min(bytes.length, text.length)
  for (let i = 0; i < length; i++) if (bytes[i] !== text.charCodeAt(i)) return 'no'
  return length === text.length ? 'yes' : 'more'
}

/** Bytes as characters of the same number (ISO 8859-1): no byte is lost or refused. At most `limit` of them. */
export function latin1(bytes: Uint8Array, limit = 4_096): string {
  let text = ''
  const end = Math.min(bytes.length, limit)
  for (let i = 0; i < end; i++) text += String.fromCharCode(bytes[i] ?? 0)
  return text
}

/** Where the byte is first, at or after `from`; -1 where it is not. */
export const indexOf = (bytes: Uint8Array, byte: number, from = 0): number => bytes.indexOf(byte, from)
