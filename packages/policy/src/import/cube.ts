import { type LabelSelector, NAME_LABEL, type SelectorRequirement } from '@sekisho/core'

/**
 * What one label may be: absent or not, and one of `values`, or with `excluded` anything but them.
 * `absent` together with a list of wanted values has no LabelSelector; `negate` never makes one and `and` keeps it so.
 */
interface Term {
  readonly absent: boolean
  readonly excluded: boolean
  readonly values: ReadonlySet<string>
}

/** What is asked of a workload: its own labels, those of its namespace, or (with one key) its service account. */
export type Side = 'pod' | 'namespace' | 'account'
/** The sides that have labels. */
export type LabelSide = Exclude<Side, 'account'>

/**
 * A conjunction of demands on labels, at most one for each label, so that contradictions show. Keys are `side key`.
 * A set of workloads is a list of cubes (any of them), as a selector language with `or` and `not` needs.
 */
export type Cube = ReadonlyMap<string, Term>

export const EVERYTHING: Cube = new Map()
const NONE: ReadonlySet<string> = new Set()

const split = (tagged: string): readonly [Side, string] => {
  const space = tagged.indexOf(' ')
  return [tagged.slice(0, space) as Side, tagged.slice(space + 1)] // only `one` makes these keys
}
const one = (side: Side, key: string, term: Term): Cube => new Map([[`${side} ${key}`, term]])
export const isIn = (side: Side, key: string, values: readonly string[]): Cube =>
  one(side, key, { absent: false, excluded: false, values: new Set(values) })
export const isNotIn = (side: Side, key: string, values: readonly string[]): Cube =>
  one(side, key, { absent: true, excluded: true, values: new Set(values) })
export const exists = (side: Side, key: string): Cube =>
  one(side, key, { absent: false, excluded: true, values: NONE })
export const isAbsent = (side: Side, key: string): Cube =>
  one(side, key, { absent: true, excluded: false, values: NONE })

const only = (values: ReadonlySet<string>, test: (value: string) => boolean): ReadonlySet<string> =>
  new Set([...values].filter(test))

function andTerm(a: Term, b: Term): Term | undefined {
  const absent = a.absent && b.absent
  if (a.excluded && b.excluded) return { absent, excluded: true, values: new Set([...a.values, ...b.values]) }
  const [wanted, other] = a.excluded ? [b, a] : [a, b]
  const values = only(wanted.values, value => other.values.has(value) !== other.excluded)
  return absent || values.size > 0 ? { absent, excluded: false, values } : undefined
}

/** What is in both; undefined when no labels can be. */
export function and(a: Cube, b: Cube): Cube | undefined {
  const both = new Map(a)
  for (const [key, term] of b) {
    const held = both.get(key)
    const joined = held ? andTerm(held, term) : term
    if (!joined) return undefined
    both.set(key, joined)
  }
  return both
}

/** What is in any of `a` and any of `b`. */
export const andAll = (a: readonly Cube[], b: readonly Cube[]): Cube[] =>
  a.flatMap(left => b.flatMap(right => and(left, right) ?? []))

function negateTerm({ absent, excluded, values }: Term): Term[] {
  if (!excluded) return [{ absent: !absent, excluded: true, values }]
  const missing: Term[] = absent ? [] : [{ absent: true, excluded: false, values: NONE }]
  return values.size > 0 ? [...missing, { absent: false, excluded: false, values }] : missing
}

/** Everything else, in pieces that do not overlap: for each demand, those that meet all before it and not this one. */
export function negate(cube: Cube): Cube[] {
  const pieces: Cube[] = []
  let met: Cube = EVERYTHING
  for (const [key, term] of cube) {
    for (const other of negateTerm(term)) pieces.push(new Map([...met, [key, other]]))
    met = new Map([...met, [key, term]])
  }
  return pieces
}

/** `cubes` without `holes`. */
export const subtract = (cubes: readonly Cube[], holes: readonly Cube[]): Cube[] =>
  holes.reduce<Cube[]>((left, hole) => andAll(left, negate(hole)), [...cubes])

function requirements(key: string, { absent, excluded, values }: Term): SelectorRequirement[] {
  const list = [...values].toSorted()
  if (!excluded) return absent ? [{ key, operator: 'DoesNotExist' }] : [{ key, operator: 'In', values: list }]
  const notIn: SelectorRequirement[] = list.length > 0 ? [{ key, operator: 'NotIn', values: list }] : []
  return absent ? notIn : [{ key, operator: 'Exists' }, ...notIn]
}

/** The demands on one side as a LabelSelector; single values as matchLabels, as people write them. */
export function toSelector(cube: Cube, side: LabelSide): LabelSelector {
  const matchLabels: Record<string, string> = {}
  const matchExpressions: SelectorRequirement[] = []
  for (const [tagged, term] of cube) {
    if (!tagged.startsWith(`${side} `)) continue
    const key = tagged.slice(side.length + 1)
    const [first, second] = term.values
    if (!term.excluded && !term.absent && first !== undefined && second === undefined)
      matchLabels[key] = first
    else matchExpressions.push(...requirements(key, term))
  }
  return {
    ...(Object.keys(matchLabels).length > 0 && { matchLabels }),
    ...(matchExpressions.length > 0 && { matchExpressions }),
  }
}

export const inNamespaces = (...names: readonly string[]): Cube => isIn('namespace', NAME_LABEL, names)

/** The one namespace that all of the cube is in, when it asks for nothing else of the namespace. */
export function onlyNamespace(cube: Cube): string | undefined {
  const asked = [...cube.keys()].filter(key => key.startsWith('namespace '))
  const term = cube.get(`namespace ${NAME_LABEL}`)
  const [first, second] = term?.values ?? []
  return asked.length === 1 && term && !term.excluded && second === undefined ? first : undefined
}

const ACCOUNT = 'name'
export const ofAccounts = (...names: readonly string[]): Cube => isIn('account', ACCOUNT, names)

/** Service accounts of which the cube asks for one; undefined where it asks for none, `no` where it asks not to be one. */
export function accountsOf(cube: Cube): readonly string[] | 'no' | undefined {
  const term = cube.get(`account ${ACCOUNT}`)
  return term && (term.excluded || term.absent ? 'no' : [...term.values].toSorted())
}

/** Whether labels that are known satisfy the cube. */
export const holds = (
  cube: Cube,
  labels: Readonly<Partial<Record<Side, Readonly<Record<string, string>>>>>,
): boolean =>
  [...cube].every(([tagged, term]) => {
    const [side, key] = split(tagged)
    const of = labels[side] ?? {}
    const value = Object.hasOwn(of, key) ? of[key] : undefined
    return value === undefined ? term.absent : term.values.has(value) !== term.excluded
  })

/** A LabelSelector as a cube; undefined when it contradicts itself and selects nothing. */
export function fromSelector(
  { matchLabels, matchExpressions }: LabelSelector,
  side: LabelSide,
): Cube | undefined {
  const demands = [
    ...Object.entries(matchLabels ?? {}).map(([key, value]) => isIn(side, key, [value])),
    ...(matchExpressions ?? []).map(({ key, operator, values }) => {
      if (operator === 'Exists') return exists(side, key)
      if (operator === 'DoesNotExist') return isAbsent(side, key)
      return (operator === 'In' ? isIn : isNotIn)(side, key, values ?? [])
    }),
  ]
  return demands.reduce<Cube | undefined>((all, demand) => all && and(all, demand), EVERYTHING)
}

/** Equal for cubes that demand the same. */
export const cubeKey = (cube: Cube): string =>
  JSON.stringify(
    [...cube]
      .map(([tagged, { absent, excluded, values }]) => [tagged, absent, excluded, ...[...values].toSorted()])
      .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  )
