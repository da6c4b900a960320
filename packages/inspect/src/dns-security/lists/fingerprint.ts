/*
 * A name's fingerprint, taken from its last letter to its first, so that those of all domains above it come on the way.
 * Two hashes of 32 bits that are made differently: FNV-1a, and the steps of MurmurHash3. Not secret: whoever finds two
 * names alike gets his own name blocked.
 */
export const SECOND = 0x9747b28c

/** One more letter to the left. */
export function second(hash: number, code: number): number {
  const mixed = hash ^ Math.imul(code + 1, 0xcc9e2d51)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

/** Every bit of the input changes each of the output in half of all cases (MurmurHash3's last step). */
function avalanche(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

export const highOf = (one: number, other: number): number => avalanche(one ^ Math.imul(other, 0x85ebca6b))
export const lowOf = (other: number): number => avalanche(other)
