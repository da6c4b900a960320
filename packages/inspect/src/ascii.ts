/** Whether the bytes begin with an ASCII text; 'more' where they end before it does and fit so far. */
export function startsWith(bytes: Uint8Array, text: string): 'yes' | 'no' | 'more' {
  const length = Math.min(bytes.length, text.length)
  for (let i = 0; i < length; i++) if (bytes[i] !== text.charCodeAt(i)) return 'no'
  return length === text.length ? 'yes' : 'more'
}

/** Of a text of characters up to 255, as of ISO 8859-1. */
export const asciiBytes = (text: string): Uint8Array =>
  Uint8Array.from(text, character => character.charCodeAt(0))

/** Shorter than this it is faster to go from character to character than to call the platform. */
const SHORT = 24

/** Bytes as characters of the same number (ISO 8859-1): no byte is lost or refused. At most `limit` of them. */
export const latin1 = (bytes: Uint8Array, limit = 4_096): string =>
  latin1Between(bytes, 0, Math.min(bytes.length, limit))

/** The platform's view of what was last read from: mostly the buffer that packets are received into. */
let whole: Buffer = Buffer.alloc(0)

/** The same of a part, without a view of its own. */
export function latin1Between(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > SHORT) {
    const { buffer, byteOffset } = bytes
    if (whole.buffer !== buffer) whole = Buffer.from(buffer)
    return whole.toString('latin1', byteOffset + start, byteOffset + end)
  }
  let text = ''
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] ?? 0)
  return text
}
