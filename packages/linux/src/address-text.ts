const DECIMAL = Array.from({ length: 256 }, (_, byte) => String(byte))

function ip4Text(bytes: Uint8Array, at: number): string {
  const octet = (i: number) => DECIMAL[bytes[at + i] ?? 0]
  return `${octet(0)}.${octet(1)}.${octet(2)}.${octet(3)}`
}

const group = (bytes: Uint8Array, i: number): number => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)

/** First group and length of the longest run of two or more zero groups, the first one on a tie. */
function zeroRun(bytes: Uint8Array): { start: number; length: number } {
  let best = { start: -1, length: 1 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && group(bytes, start + length) === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}

/** RFC 4291 section 2.5.5.2: ten zero bytes and ffff. */
const isMapped = (bytes: Uint8Array): boolean =>
  group(bytes, 5) === 0xffff && [0, 1, 2, 3, 4].every(i => group(bytes, i) === 0)

function ip6Text(bytes: Uint8Array): string {
  if (isMapped(bytes)) return ip4Text(bytes, 12)
  const run = zeroRun(bytes)
  let head = ''
  let tail = ''
  for (let i = 0; i < 8; i++) {
    const part = group(bytes, i).toString(16)
    if (run.start < 0 || i < run.start) head += head === '' ? part : `:${part}`
    else if (i >= run.start + run.length) tail += tail === '' ? part : `:${part}`
  }
  return run.start < 0 ? head : `${head}::${tail}`
}

/**
 * The canonical text of an address as the kernel sends it (4 or 16 bytes), equal to core's `canonicalIp`;
 * written for the event path, where core's big integers would cost more than everything else.
 */
export function addressText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return ip4Text(bytes, 0)
  return bytes.length === 16 ? ip6Text(bytes) : undefined
}
