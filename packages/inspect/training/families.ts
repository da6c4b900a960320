import { createHash } from 'node:crypto'

/*
 * Generators of domain names after the published descriptions of malware families (Wikipedia's article on domain
 * generation algorithms, and analyses by Fox-IT, Johannes Bader, SRI and others), so that the model knows more seeds of
 * them than anybody collected, and shapes which no list has. Each gives the label only.
 */
export interface Family {
  readonly name: string
  label(number: number): string
}

const letter = (value: number): string => String.fromCharCode(97 + value)
const unsigned = (value: number): number => value >>> 0

/** The minimal standard generator of Park and Miller, which several families use. */
function parkMiller(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1
  return () => {
    state = Number((BigInt(state) * 16_807n) % 2_147_483_647n)
    return state
  }
}

const word = (length: number, draw: () => string): string => Array.from({ length }, draw).join('')
const md5 = (text: string): Buffer => createHash('md5').update(text).digest()
interface Date {
  readonly year: number
  readonly month: number
  readonly day: number
}
const dateOf = (number: number): Date => ({
  year: 2010 + (number % 20),
  month: 1 + (Math.floor(number / 20) % 12),
  day: 1 + (Math.floor(number / 240) % 28),
})

/** The letters of a date, as the article's example makes them, in numbers without end. */
export function lettersOfDate(date: Date, length: number): string {
  let [year, month, day] = [BigInt(date.year), BigInt(date.month), BigInt(date.day)]
  return word(length, () => {
    year = ((year ^ (8n * year)) >> 11n) ^ ((year & 0xfffffff0n) << 17n)
    month = ((month ^ (4n * month)) >> 25n) ^ (16n * (month & 0xfffffff8n))
    day = ((day ^ (day << 13n)) >> 19n) ^ ((day & 0xfffffffen) << 12n)
    return letter(Number((year ^ month ^ day) % 25n))
  })
}

/** Later ones mixed in a key. */
function cryptolocker(number: number): string {
  const { year, month, day } = dateOf(number)
  return lettersOfDate({ year: unsigned(year + Math.imul(number, 40_503)), month, day }, 12 + (number % 4))
}

/** Each byte of a hash gives up to two letters. */
function murofet(number: number): string {
  const letters = [...md5(`murofet ${number}`)].flatMap(byte => {
    const [low, high] = [byte & 0x1f, byte >> 3]
    return low === high ? [] : [low, high].filter(value => value < 26)
  })
  return letters.map(letter).join('')
}

function fromParkMiller(shortest: number, span: number, letters: number) {
  return (number: number): string => {
    const next = parkMiller(Math.imul(number, 2_654_435) >>> 1)
    const length = shortest + (next() % span)
    return word(length, () => letter(next() % letters))
  }
}

/** Syllables: hardly to be told from names that people make up. */
function simda(number: number): string {
  const next = parkMiller(Math.imul(number, 97_657) >>> 1)
  const length = 6 + (next() % 6)
  const [consonants, vowels] = ['qwrtpsdfghjklzxcvbnm', 'eyuioa']
  let turn = 0
  return word(length, () => {
    const from = turn++ % 2 === 0 ? consonants : vowels
    return from.charAt(next() % from.length)
  })
}

const fromHash = (radix: 16 | 36, shortest: number, span: number) => (number: number) => {
  const digits = BigInt(`0x${md5(`${radix} ${number}`).toString('hex')}`).toString(radix)
  return digits.slice(0, shortest + (number % span))
}

function lettersAndDigits(number: number): string {
  const next = parkMiller(Math.imul(number, 65_537) >>> 1)
  return word(9 + (next() % 16), () => (next() % 36).toString(36))
}

export const FAMILIES: readonly Family[] = [
  { name: 'cryptolocker', label: cryptolocker },
  { name: 'murofet', label: murofet },
  { name: 'ramnit', label: fromParkMiller(8, 12, 25) },
  { name: 'dircrypt', label: fromParkMiller(8, 13, 26) },
  { name: 'conficker', label: fromParkMiller(7, 5, 26) },
  { name: 'emotet', label: fromParkMiller(16, 1, 25) },
  { name: 'necurs', label: fromParkMiller(7, 15, 25) },
  { name: 'simda', label: simda },
  { name: 'bamital', label: fromHash(16, 32, 1) },
  { name: 'hexadecimal', label: fromHash(16, 10, 16) },
  { name: 'newgoz', label: fromHash(36, 20, 5) },
  { name: 'corebot', label: lettersAndDigits },
]
