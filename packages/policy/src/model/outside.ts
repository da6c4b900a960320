import { formatIp, LIMITS, parseIp } from '@sekisho/core'
import type { End } from './entry.ts'

const NOWHERE: End = Object.freeze({ entry: undefined, host: undefined, text: undefined, ip: undefined })

/** Ends that are nobody's, by the text they are asked with: the same few are asked for again and again. */
export class OutsideEnds {
  readonly #parsed = new Map<string, End>()

  /** Its text is canonical; without text and address where there is none. */
  at(text: string): End {
    return this.#parsed.get(text) ?? this.#parse(text)
  }

  #parse(text: string): End {
    const ip = parseIp(text)
    const end = ip ? { ...NOWHERE, text: formatIp(ip), ip } : NOWHERE
    if (this.#parsed.size >= LIMITS.parsedAddresses.value) this.#parsed.clear()
    this.#parsed.set(text, end)
    return end
  }
}
