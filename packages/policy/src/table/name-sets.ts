import type { NameMove } from '../table.ts'

/** What resolvers have answered, as of now. */
export interface KnownNames {
  entries(): Iterable<{ readonly name: string; readonly ip: string }>
}

/** The patterns that a name matches: itself, and `*.` with whatever follows its first label or more. */
function* patternsOf(name: string): Generator<string> {
  yield name
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) yield `*${name.slice(dot)}`
}

/** Which names are behind each address of a set: it leaves when the last one does. */
type Behind = Map<string, Set<string>>

export interface SetMove<Held> {
  readonly set: Held
  readonly ip: string
  readonly came: boolean
}

/** Which sets ask for which names, and what is in them by which name. */
export class NameSets<Held> {
  readonly #known: KnownNames
  readonly #byPattern = new Map<string, Map<Held, Behind>>()

  constructor(known: KnownNames) {
    this.#known = known
  }

  /** @returns the addresses that it begins with. */
  add(pattern: string, set: Held): Iterable<string> {
    const behind: Behind = new Map()
    for (const { name, ip } of this.#known.entries()) {
      if (patternsOf(name).some(each => each === pattern)) enter(behind, ip, name)
    }
    const sets = this.#byPattern.get(pattern) ?? new Map<Held, Behind>()
    this.#byPattern.set(pattern, sets.set(set, behind))
    return behind.keys()
  }

  delete(pattern: string, set: Held): void {
    const sets = this.#byPattern.get(pattern)
    sets?.delete(set)
    if (sets?.size === 0) this.#byPattern.delete(pattern)
  }

  asking(name: string): readonly Held[] {
    return patternsOf(name)
      .flatMap(pattern => this.#byPattern.get(pattern)?.keys() ?? [])
      .toArray()
  }

  /** Follows what became known. A move that a set knows already, because it was made since, is none. */
  learn(moves: readonly NameMove[]): readonly SetMove<Held>[] {
    const found: SetMove<Held>[] = []
    for (const { name, ip, came } of moves) {
      for (const pattern of patternsOf(name)) {
        for (const [set, behind] of this.#byPattern.get(pattern) ?? []) {
          const isMove = came ? enter(behind, ip, name) : leave(behind, ip, name)
          if (isMove) found.push({ set, ip, came })
        }
      }
    }
    return found
  }
}

/** @returns whether the address was not there. */
function enter(behind: Behind, ip: string, name: string): boolean {
  const names = behind.get(ip)
  names?.add(name)
  if (!names) behind.set(ip, new Set([name]))
  return !names
}

/** @returns whether the address is not there any more. */
function leave(behind: Behind, ip: string, name: string): boolean {
  const names = behind.get(ip)
  if (!names?.delete(name) || names.size > 0) return false
  return behind.delete(ip)
}
