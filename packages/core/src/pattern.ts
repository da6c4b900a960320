import { fail, ok, type Result } from './result.ts'

/**
 * Patterns that people write, run in time linear in the text: a set of states is carried along (Thompson 1968), nothing
 * is tried twice, so that no request can make a pattern slow. The syntax is the part of POSIX extended and JavaScript
 * patterns that both read alike: literals, `.`, `[a-z]`, `\d \w \s`, escapes, groups, `|`, `* + ?` and `{m,n}`; the
 * whole text must match. Anything else is refused.
 */
export type Pattern = (text: string) => boolean

type Test = (code: number) => boolean
type Step =
  | { readonly kind: 'one'; readonly test: Test; readonly next: number }
  | { readonly kind: 'fork'; readonly to: readonly number[] }
  | { readonly kind: 'end' }

type Node =
  | { readonly kind: 'one'; readonly test: Test }
  | { readonly kind: 'all'; readonly parts: readonly Node[] }
  | { readonly kind: 'any'; readonly options: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly least: number; readonly most: number }

/** Text and states together bound the work; `{m,n}` multiplies states, so they are counted and not the letters. */
export const PATTERN_LIMITS = { length: 256, states: 2_000, repeat: 100, depth: 16 } as const

class Refused {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

const between =
  (first: number, last: number): Test =>
  code =>
    first <= code && code <= last
const either =
  (tests: readonly Test[]): Test =>
  code =>
    tests.some(test => test(code))
const code = (text: string): number => text.codePointAt(0) ?? -1
const letters = (text: string): Test =>
  either(Array.from(text, letter => between(code(letter), code(letter))))

const CLASSES: Readonly<Record<string, Test>> = {
  d: between(48, 57),
  w: either([between(48, 57), between(65, 90), between(97, 122), letters('_')]),
  s: letters(' \t\n\r\f\v'),
}
const SPECIAL = new Set('\\^$.|?*+()[]{}/-')

/** Recursive descent over the characters of a pattern. */
class Reader {
  readonly #text: readonly string[]
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = Array.from(text)
  }

  whole(): Node {
    const node = this.#options()
    if (this.#peek() !== undefined) throw new Refused('has a ")" too many')
    return node
  }

  #peek(): string | undefined {
    return this.#text[this.#at]
  }
  #take(): string {
    const next = this.#text[this.#at++]
    if (next === undefined) throw new Refused('ends too early')
    return next
  }
  #skip(letter: string): boolean {
    if (this.#peek() !== letter) return false
    this.#at++
    return true
  }

  #options(): Node {
    if (++this.#depth > PATTERN_LIMITS.depth) throw new Refused('is nested too deeply')
    const options = [this.#sequence()]
    while (this.#skip('|')) options.push(this.#sequence())
    this.#depth--
    const [only] = options
    return options.length === 1 && only ? only : { kind: 'any', options }
  }

  #sequence(): Node {
    const parts: Node[] = []
    for (let next = this.#peek(); next !== undefined && next !== '|' && next !== ')'; next = this.#peek()) {
      parts.push(this.#repeated(this.#atom()))
    }
    return { kind: 'all', parts }
  }

  #atom(): Node {
    const letter = this.#take()
    switch (letter) {
      case '(':
        return this.#group()
      case '[':
        return { kind: 'one', test: this.#set() }
      case '.':
        return { kind: 'one', test: () => true }
      case '\\':
        return { kind: 'one', test: this.#escape() }
      case '*':
      case '+':
      case '?':
      case '{':
        throw new Refused(`has "${letter}" after nothing`)
      case '^':
      case '$':
        throw new Refused(`must not have "${letter}": the whole text is compared anyway`)
      default:
        return { kind: 'one', test: letters(letter) }
    }
  }

  #group(): Node {
    if (this.#skip('?') && !this.#skip(':')) throw new Refused('has a group that is not supported')
    const node = this.#options()
    if (!this.#skip(')')) throw new Refused('has a "(" that is not closed')
    return node
  }

  #escape(): Test {
    const letter = this.#take()
    const known = Object.hasOwn(CLASSES, letter) ? CLASSES[letter] : undefined
    if (known) return known
    if (SPECIAL.has(letter)) return letters(letter)
    throw new Refused(`has "\\${letter}", which is not supported`)
  }

  #set(): Test {
    const not = this.#skip('^')
    const tests: Test[] = []
    while (!this.#skip(']')) tests.push(this.#setItem())
    if (tests.length === 0) throw new Refused('has an empty "[]"')
    const test = either(tests)
    return not ? one => !test(one) : test
  }

  #setItem(): Test {
    const first = this.#take()
    if (first === '\\') return this.#escape()
    if (first === '[') throw new Refused('has "[" inside "[]"; write "\\["')
    if (this.#peek() !== '-' || this.#text[this.#at + 1] === ']') return letters(first)
    this.#at++
    const last = this.#take()
    if (last === '\\' || code(last) < code(first)) throw new Refused(`has a wrong range "${first}-${last}"`)
    return between(code(first), code(last))
  }

  #repeated(part: Node): Node {
    const [least, most] = this.#count()
    if (least === 1 && most === 1) return part
    if (['*', '+', '?', '{'].includes(this.#peek() ?? ''))
      throw new Refused('has one repetition after another')
    return { kind: 'repeat', part, least, most }
  }

  #count(): readonly [number, number] {
    if (this.#skip('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.#skip('+')) return [1, Number.POSITIVE_INFINITY]
    if (this.#skip('?')) return [0, 1]
    if (!this.#skip('{')) return [1, 1]
    const least = this.#number()
    const most = this.#skip(',') ? (this.#peek() === '}' ? Number.POSITIVE_INFINITY : this.#number()) : least
    if (!this.#skip('}') || most < least) throw new Refused('has a wrong "{m,n}"')
    return [least, most]
  }

  #number(): number {
    let digits = ''
    while (/^\d$/.test(this.#peek() ?? '')) digits += this.#take()
    const value = digits === '' ? Number.NaN : Number(digits)
    if (!(value <= PATTERN_LIMITS.repeat))
      throw new Refused(`may repeat at most ${PATTERN_LIMITS.repeat} times`)
    return value
  }
}

/** Lays nodes out from the end to the start, so that each step knows what follows it. */
class Layout {
  readonly steps: Step[] = [{ kind: 'end' }]

  #add(step: Step): number {
    if (this.steps.length >= PATTERN_LIMITS.states) throw new Refused('is too large')
    return this.steps.push(step) - 1
  }

  /** @returns the step to start from so that `next` follows the node. */
  place(node: Node, next: number): number {
    switch (node.kind) {
      case 'one':
        return this.#add({ kind: 'one', test: node.test, next })
      case 'all':
        return node.parts.reduceRight((after, part) => this.place(part, after), next)
      case 'any':
        return this.#add({ kind: 'fork', to: node.options.map(option => this.place(option, next)) })
      case 'repeat':
        return this.#repeat(node, next)
    }
  }

  #repeat({ part, least, most }: Extract<Node, { kind: 'repeat' }>, next: number): number {
    let start = next
    if (most === Number.POSITIVE_INFINITY) {
      const to = [next]
      start = this.#add({ kind: 'fork', to })
      to.push(this.place(part, start))
    } else {
      for (let count = least; count < most; count++) {
        start = this.#add({ kind: 'fork', to: [next, this.place(part, start)] })
      }
    }
    for (let count = 0; count < least; count++) start = this.place(part, start)
    return start
  }
}

/** All steps that are reached without reading: forks are followed, each step once. */
function reach(steps: readonly Step[], from: number, into: Set<number>): void {
  const waiting = [from]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (into.has(at)) continue
    into.add(at)
    const step = steps[at]
    if (step?.kind === 'fork') waiting.push(...step.to)
  }
}

function run(steps: readonly Step[], start: number, text: string): boolean {
  let states = new Set<number>()
  reach(steps, start, states)
  for (const letter of text) {
    const next = new Set<number>()
    for (const at of states) {
      const step = steps[at]
      if (step?.kind === 'one' && step.test(code(letter))) reach(steps, step.next, next)
    }
    if (next.size === 0) return false
    states = next
  }
  return states.has(0)
}

/** Compiles a pattern, or says what is wrong with it. */
export function compilePattern(text: string): Result<Pattern, string> {
  if (text.length > PATTERN_LIMITS.length) return fail(`must be at most ${PATTERN_LIMITS.length} characters`)
  try {
    const layout = new Layout()
    const start = layout.place(new Reader(text).whole(), 0)
    return ok(subject => run(layout.steps, start, subject))
  } catch (error) {
    if (error instanceof Refused) return fail(error.reason)
    throw error
  }
}
