import type { Reader } from '@sekisho/core'

const DECODER = new TextDecoder()

/** A text that ends with a zero byte, which is passed over. Raises `Malformed` where there is none. */
export function terminatedText(reader: Reader): string {
  const bytes: number[] = []
  for (let byte = reader.u8(); byte !== 0; byte = reader.u8()) bytes.push(byte)
  return DECODER.decode(Uint8Array.from(bytes))
}
