/** FNV-1a over 32 bits: where it begins, and one more code. Not secret, so never between an attacker and memory. */
export const FNV_BASIS = 0x811c9dc5
export const fnv1a = (hash: number, code: number): number => Math.imul(hash ^ code, 0x01000193)
