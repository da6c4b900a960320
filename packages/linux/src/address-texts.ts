import { addressText } from './address-text.ts'

interface Known {
  readonly words: readonly [number, number, number, number]
  readonly text: string
}

/** A scan of the whole Internet begins the table anew again and again; it does not fill the memory. */
const ADDRESSES_MAX = 65_536

/**
 * Texts of addresses that were seen before: a node speaks with few, and making a text costs more than reading a
 * message. Equal addresses have the same string, whose hash is computed once.
 */
export class AddressTexts {
  readonly #ip4 = new Map<number, string>()
  /** By a hash that need not be a good one: the newest of those that meet in it stays. */
  readonly #ip6 = new Map<number, Known>()

  /** @param address in host byte order. */
  ip4(address: number): string {
    // With sign it is a number that V8 makes no object for.
    const word = address | 0
    const known = this.#ip4.get(word)
    if (known !== undefined) return known
    const text = textOf(word)
    if (this.#ip4.size >= ADDRESSES_MAX) this.#ip4.clear()
    this.#ip4.set(word, text)
    return text
  }

  /** @param words from the first, each in host byte order. */
  ip6(...words: [number, number, number, number]): string {
    const [a, b, c, d] = words
    const hash = Math.imul(a, 31) ^ Math.imul(b, 17) ^ Math.imul(c, 7) ^ d
    const known = this.#ip6.get(hash)
    if (known && words.every((word, i) => word === known.words[i])) return known.text
    const text = textOf(a, b, c, d)
    if (this.#ip6.size >= ADDRESSES_MAX) this.#ip6.clear()
    this.#ip6.set(hash, { words, text })
    return text
  }
}

function textOf(...words: readonly number[]): string {
  const view = new DataView(new ArrayBuffer(4 * words.length))
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word)
  return addressText(new Uint8Array(view.buffer)) ?? ''
}
