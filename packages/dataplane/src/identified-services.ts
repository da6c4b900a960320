import type { Protocol } from '@sekisho/core'
import type { NftOperation } from '@sekisho/linux'
import { keyBytes } from './element-key.ts'
import { addressText } from './names.ts'
import { IDENTIFIED, identifiedSet } from './queue-chains.ts'

/** Where a service answers, after any address translation. */
export interface ServiceEnd {
  readonly address: string
  readonly protocol: Extract<Protocol, 'TCP' | 'UDP'>
  readonly port: number
}

/** Below what the kernel's sets hold: what is over there is counted until it is swept up. */
const SERVICES_MAX = IDENTIFIED.elementsMax / 2

/** The services whose application is known, as the kernel's sets have them. The oldest are forgotten there and here. */
export class IdentifiedServices {
  /** When each is over; in the order in which they came. */
  readonly #until = new Map<string, { readonly end: ServiceEnd; readonly at: number }>()

  /** @returns those that are new; none beyond the limit, so that their connections go on being read. */
  add(ends: readonly ServiceEnd[], now: number): readonly ServiceEnd[] {
    this.#expire(now)
    return ends.filter(end => {
      const key = `${end.address} ${end.protocol} ${end.port}`
      if (this.#until.has(key) || this.#until.size >= SERVICES_MAX) return false
      this.#until.set(key, { end, at: now + IDENTIFIED.secondsKept * 1_000 })
      return true
    })
  }

  all(now: number): readonly ServiceEnd[] {
    this.#expire(now)
    return [...this.#until.values()].map(({ end }) => end)
  }

  #expire(now: number): void {
    for (const [key, { at }] of this.#until) {
      if (at > now) return
      this.#until.delete(key)
    }
  }
}

export function addServices(ends: readonly ServiceEnd[]): readonly NftOperation[] {
  const families = Map.groupBy(ends, ({ address }) => addressText(address).family)
  return [...families].map(([family, list]) => {
    const { name, key } = identifiedSet(family)
    return {
      kind: 'add-elements',
      set: name,
      elements: list.map(({ address, protocol, port }) => ({
        key: keyBytes(key, `${addressText(address).text} . ${protocol.toLowerCase()} . ${port}`),
      })),
    }
  })
}
