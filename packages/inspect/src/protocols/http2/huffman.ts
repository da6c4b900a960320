import { Malformed } from '@sekisho/core'

/*
 * The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B). It is canonical: codes of one length are consecutive
 * in the order of their symbols, and each length continues where the one before it ended; so its lengths say it all.
 */

/** Bits of the code of each byte, as digits to the base of 36; the last one is the end of a string. */
const LENGTHS: readonly number[] = Array.from(
  'dnsssssssoussussssssssusssssssss' +
    '6aacd68baa8b8666555666666678f6ca' +
    'd67777777777777777777777878djde6' +
    'f56565666577666567655677777fbeds' +
    'kmkkmmmnmnnnnnonoomnonnnnlmnmnno' +
    'mlkmmnnlnmmolmnnllmlnmnnkmmmnmmn' +
    'qqkjmnmpqqqrrqopjlqrrqrollqqsrrr' +
    'koklmllnmmppooqnqrqqrrrrrsrrrrrqu',
  digit => Number.parseInt(digit, 36),
)
const END_OF_STRING = 256
const LONGEST = 30

/** A binary tree in pairs: the next node where positive, the symbol below zero as its complement. */
const TREE = grow()

function grow(): Int16Array {
  const nodes: number[] = [0, 0]
  let code = 0
  for (let length = 1; length <= LONGEST; length++, code <<= 1) {
    for (const [symbol, bits] of LENGTHS.entries()) if (bits === length) plant(nodes, code++, length, symbol)
  }
  return Int16Array.from(nodes)
}

function plant(nodes: number[], code: number, length: number, symbol: number): void {
  let node = 0
  for (let bit = length - 1; bit > 0; bit--) {
    const branch = node + ((code >> bit) & 1)
    if (!nodes[branch]) nodes[branch] = nodes.push(0, 0) - 2
    node = nodes[branch] ?? 0
  }
  nodes[node + (code & 1)] = ~symbol
}

/** @returns characters of the same number as the bytes; raises `Malformed`. */
export function decodeHuffman(bytes: Uint8Array): string {
  let text = ''
  let node = 0
  let padding = 0
  let ones = true
  for (const byte of bytes) {
    for (let mask = 0x80; mask > 0; mask >>= 1) {
      const bit = byte & mask ? 1 : 0
      const next = TREE[node + bit] ?? 0
      ones &&= bit === 1
      padding++
      if (next >= 0) {
        node = next
        continue
      }
      if (next === ~END_OF_STRING) throw new Malformed('end of string inside a string of HPACK', 0)
      text += String.fromCharCode(~next)
      node = 0
      padding = 0
      ones = true
    }
  }
  // RFC 7541 section 5.2: at most seven bits, and they are the beginning of the end of string.
  if (padding > 7 || !ones) throw new Malformed('padding of a string of HPACK', 0)
  return text
}
