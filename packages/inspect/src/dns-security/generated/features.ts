import { FNV_BASIS, fnv1a } from '../fnv.ts'

/*
 * What the model sees of a label: which one to four letters stand side by side, and how the label looks as a whole. Each
 * feature is a number below BUCKETS; features that fall together share a weight.
 */
export const BUCKETS = 1 << 15
/** Shorter ones say too little: most are taken, by people and by machines. */
export const SHORTEST = 6
const LONGEST = 63
const SHAPES = 24
export const MOST_FEATURES = 4 * (LONGEST + 2) + SHAPES

const VOWELS = new Set('aeiouy'.split('').map(letter => letter.charCodeAt(0)))
const [ZERO, NINE, A, F, HYPHEN, BEGIN, END] = [48, 57, 97, 102, 45, 94, 36]

/** FNV-1a's bits are mixed once more. */
function bucket(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((mixed ^ (mixed >>> 13)) >>> 0) % BUCKETS
}

/** Counts that tell how a label looks. */
export interface Look {
  readonly length: number
  readonly digits: number
  readonly vowels: number
  readonly hyphens: number
  /** Letters from g on: a label without any of them and with digits is hexadecimal. */
  readonly beyondHex: number
  readonly distinct: number
  /** Longest run of letters of one kind. */
  readonly consonantRun: number
  readonly vowelRun: number
  /** From letters to digits and back. */
  readonly changes: number
  /** Neighbours of which exactly one is a vowel. */
  readonly alternations: number
}

export function lookOf(label: string): Look {
  const seen = new Set<number>()
  const look = { digits: 0, vowels: 0, hyphens: 0, beyondHex: 0, changes: 0, alternations: 0 }
  let [consonantRun, vowelRun, run, before] = [0, 0, 0, 'none']
  for (let at = 0; at < label.length; at++) {
    const code = label.charCodeAt(at)
    seen.add(code)
    const kind = kindOf(code)
    if (kind === 'digit') look.digits++
    else if (kind === 'hyphen') look.hyphens++
    else if (kind === 'vowel') look.vowels++
    if (code > F) look.beyondHex++
    if ((kind === 'digit') !== (before === 'digit') && at > 0) look.changes++
    if ((kind === 'vowel' && before === 'consonant') || (kind === 'consonant' && before === 'vowel'))
      look.alternations++
    run = kind === before ? run + 1 : 1
    if (kind === 'consonant') consonantRun = Math.max(consonantRun, run)
    if (kind === 'vowel') vowelRun = Math.max(vowelRun, run)
    before = kind
  }
  return { length: label.length, distinct: seen.size, consonantRun, vowelRun, ...look }
}

function kindOf(code: number): 'digit' | 'hyphen' | 'vowel' | 'consonant' {
  if (code >= ZERO && code <= NINE) return 'digit'
  if (code < A) return 'hyphen'
  return VOWELS.has(code) ? 'vowel' : 'consonant'
}

const tenths = (part: number, whole: number): number => (whole === 0 ? 15 : Math.round((part / whole) * 10))

/** Each number is one feature together with its place. */
function shapesOf(look: Look): readonly number[] {
  const { length, digits, vowels, hyphens, beyondHex, distinct, consonantRun, vowelRun } = look
  const letters = length - digits - hyphens
  const size = Math.min(length, 40)
  const [vowelShare, digitShare] = [tenths(vowels, letters), tenths(digits, length)]
  const isHex = beyondHex === 0 && digits > 0 && hyphens === 0 ? 1 : 0
  return [
    size,
    digitShare,
    vowelShare,
    Math.min(consonantRun, 12),
    Math.min(vowelRun, 8),
    Math.min(hyphens, 4),
    Math.min(look.changes, 12),
    tenths(look.alternations, letters),
    tenths(distinct, length),
    isHex,
    size * 16 + vowelShare,
    size * 16 + digitShare,
    size * 16 + Math.min(consonantRun, 12),
    size * 16 + tenths(distinct, length),
    vowelShare * 16 + digitShare,
    vowelShare * 16 + Math.min(consonantRun, 12),
    size * 16 + tenths(look.alternations, letters),
    isHex * 64 + size,
    Math.min(look.changes, 12) * 16 + digitShare,
    digits > 0 ? 1 : 0,
    size * 2 + (hyphens > 0 ? 1 : 0),
  ]
}

/**
 * Features of a label into `into`, of at least `MOST_FEATURES`.
 * @returns how many; a label that is longer than DNS allows is cut.
 */
export function featuresOf(label: string, into: Uint16Array): number {
  const text = label.slice(0, LONGEST)
  let count = 0
  for (let from = -1; from <= text.length; from++) {
    let hash = FNV_BASIS
    for (let size = 1; size <= 4 && from + size <= text.length + 1; size++) {
      const at = from + size - 1
      const code = at < 0 ? BEGIN : at === text.length ? END : text.charCodeAt(at)
      hash = fnv1a(hash, code)
      if (code !== HYPHEN || size > 1) into[count++] = bucket(hash)
    }
  }
  for (const [place, value] of shapesOf(lookOf(text)).entries())
    into[count++] = bucket(fnv1a(fnv1a(fnv1a(0x2545f491, place + 1), value & 0xff), value >> 8))
  return count
}
