/*
 * What a label of another script looks like (RFC 3492): letters of ASCII in front, then where which others go between
 * them, as numbers in a base of 36 whose digits have a weight that adapts.
 */
const [BASE, FIRST_BIAS, FIRST_CODE, DAMP, SKEW, LEAST, MOST] = [36, 72, 128, 700, 38, 1, 26]
const LABEL = 63

const digitOf = (code: number): number =>
  code >= 0x30 && code <= 0x39 ? code - 22 : code >= 0x61 && code <= 0x7a ? code - 97 : BASE

function adapt(delta: number, points: number, isFirst: boolean): number {
  let rest = isFirst ? Math.floor(delta / DAMP) : delta >> 1
  rest += Math.floor(rest / points)
  let bias = 0
  for (; rest > ((BASE - LEAST) * MOST) / 2; bias += BASE) rest = Math.floor(rest / (BASE - LEAST))
  return bias + Math.floor(((BASE - LEAST + 1) * rest) / (rest + SKEW))
}

/** @param label without its `xn--`. @returns undefined where it is no punycode. */
export function fromPunycode(label: string): string | undefined {
  if (label.length > LABEL) return undefined
  const hyphen = label.lastIndexOf('-')
  const letters = Array.from(label.slice(0, Math.max(0, hyphen)), letter => letter.codePointAt(0) ?? 0)
  let [code, place, bias] = [FIRST_CODE, 0, FIRST_BIAS]
  for (let at = hyphen + 1; at < label.length; ) {
    const before = place
    for (let [weight, step] = [1, BASE]; ; step += BASE) {
      const digit = digitOf(label.charCodeAt(at++))
      if (digit >= BASE) return undefined
      place += digit * weight
      const threshold = Math.min(MOST, Math.max(LEAST, step - bias))
      if (digit < threshold) break
      weight *= BASE - threshold
      if (place > 0x7fff_ffff || weight > 0x7fff_ffff) return undefined
    }
    const count = letters.length + 1
    bias = adapt(place - before, count, before === 0)
    code += Math.floor(place / count)
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined
    place %= count
    letters.splice(place++, 0, code)
  }
  return String.fromCodePoint(...letters)
}

/** A label as a browser shows it. */
export const shownLabel = (label: string): string =>
  label.startsWith('xn--') ? (fromPunycode(label.slice(4)) ?? label) : label
