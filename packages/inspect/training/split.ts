import { chosenNames, collectedNames, partOf, type Sample } from './corpus.ts'
import { FAMILIES } from './families.ts'

/** They join words, or change names that people chose. A model of letters cannot tell those from what people do. */
export const DICTIONARY: ReadonlySet<string> = new Set(['charbot', 'gozi', 'ngioweb', 'nymaim2', 'suppobox'])

export interface Split {
  readonly train: readonly Sample[]
  /** Chooses the threshold, and nothing else. */
  readonly tune: readonly Sample[]
  /** Names never seen: chosen ones, and of families some of whose other names were seen. */
  readonly test: readonly Sample[]
  /** All names of families of which none was seen. */
  readonly strange: readonly Sample[]
  readonly dictionary: readonly Sample[]
}

const OF_FAMILY = 2_000
const TEST = 0.2
const TUNE = 0.3

/** By a hash of the family's name, so that nobody chose which. */
export const isStrange = (family: string): boolean => partOf(`family ${family}`) < 0.3

/** The same split wherever the same data is. Generators here are for training only: what they make is nobody's truth. */
export function splitOf(data: string, more: readonly string[] = []): Split {
  const collected = collectedNames(data)
  const dictionary = collected.filter(({ source }) => DICTIONARY.has(source))
  const strange = collected.filter(({ source }) => !DICTIONARY.has(source) && isStrange(source))
  const known = collected.filter(({ source }) => !DICTIONARY.has(source) && !isStrange(source))
  const rest = [...chosenNames(data, more), ...known]
  const part = (from: number, to: number): readonly Sample[] =>
    rest.filter(({ label }) => partOf(label) >= from && partOf(label) < to)
  const unseen = new Set(strange.map(({ source }) => source))
  // Nor may the model learn from a generator what it is not to have seen.
  const allowed = FAMILIES.filter(({ name }) => !unseen.values().some(family => family.startsWith(name)))
  const made = allowed.flatMap(({ name, label }) =>
    Array.from(
      { length: OF_FAMILY },
      (_, number): Sample => ({
        label: label(number),
        isGenerated: true,
        source: `made ${name}`,
      }),
    ),
  )
  return {
    train: [...part(TUNE, 1), ...made],
    tune: part(TEST, TUNE),
    test: part(0, TEST),
    strange,
    dictionary,
  }
}
