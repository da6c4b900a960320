import { fail, NAME_LABEL, ok, type Result } from '@sekisho/core'
import { andAll, type Cube, EVERYTHING, exists, isIn, isNotIn, type Side, subtract } from '../cube.ts'

/** Tokens of Calico's selector language (libcalico, lib/selector/tokenizer). */
const TOKEN =
  /\s*(?:(?<punct>&&|\|\||==|!=|[(){},!])|"(?<double>[^"]*)"|'(?<single>[^']*)'|(?<word>[A-Za-z0-9_./-]+))/y

interface Token {
  readonly kind: 'punct' | 'text' | 'word'
  readonly text: string
}

/** A selector is a sentence of a policy, not a program: nesting and alternatives past these are no one's intent. */
const MOST = { characters: 4096, depth: 32, cubes: 256 } as const

class Refused {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (text.slice(TOKEN.lastIndex).trim() !== '') {
    const at = TOKEN.lastIndex
    const groups = TOKEN.exec(text)?.groups
    if (!groups) throw new Refused(`cannot be read at "${text.slice(at).trim().slice(0, 20)}"`)
    if (groups.punct !== undefined) tokens.push({ kind: 'punct', text: groups.punct })
    else if (groups.word !== undefined) tokens.push({ kind: 'word', text: groups.word })
    else tokens.push({ kind: 'text', text: groups.double ?? groups.single ?? '' })
  }
  return tokens
}

/** Which side of Sekisho's labels a Calico label is, and its name there. */
type Place = (label: string) => readonly [Side, string]

/**
 * Labels of endpoints: `projectcalico.org/namespace` and `pcns.` are the namespace's, other labels that
 * Calico makes itself are nowhere in Sekisho.
 */
const ofEndpoint: Place = label => {
  if (label === 'projectcalico.org/namespace') return ['namespace', NAME_LABEL]
  if (label.startsWith('pcns.')) return ['namespace', label.slice('pcns.'.length)]
  if (label.startsWith('projectcalico.org/') || label.startsWith('pcsa.'))
    throw new Refused(`the label ${label} that Calico makes is not known here`)
  return ['pod', label]
}

const ofNamespace: Place = label =>
  label === 'projectcalico.org/name' ? ['namespace', NAME_LABEL] : ['namespace', label]

/** Recursive descent over the tokens; what it returns is the set of labels that satisfy the expression. */
class Reader {
  readonly #tokens: readonly Token[]
  readonly #place: Place
  #at = 0
  #depth = 0

  constructor(tokens: readonly Token[], place: Place) {
    this.#tokens = tokens
    this.#place = place
  }

  whole(): Cube[] {
    const cubes = this.or()
    const left = this.#tokens[this.#at]
    if (left) throw new Refused(`"${left.text}" is not expected there`)
    return cubes
  }

  private take(...punct: readonly string[]): string | undefined {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'punct' || !punct.includes(token.text)) return undefined
    this.#at++
    return token.text
  }

  private word(...words: readonly string[]): boolean {
    const next = this.#tokens.slice(this.#at, this.#at + words.length)
    const held = words.every((word, i) => next[i]?.kind === 'word' && next[i].text === word)
    if (held) this.#at += words.length
    return held
  }

  private expect(punct: string): void {
    if (!this.take(punct)) throw new Refused(`"${punct}" is missing`)
  }

  private bounded(cubes: Cube[]): Cube[] {
    if (cubes.length > MOST.cubes) throw new Refused('has too many alternatives')
    return cubes
  }

  private or(): Cube[] {
    let cubes = this.and()
    while (this.take('||')) cubes = this.bounded([...cubes, ...this.and()])
    return cubes
  }

  private and(): Cube[] {
    let cubes = this.not()
    while (this.take('&&')) cubes = this.bounded(andAll(cubes, this.not()))
    return cubes
  }

  private not(): Cube[] {
    if (++this.#depth > MOST.depth) throw new Refused('is nested too deeply')
    const cubes = this.take('!') ? this.bounded(subtract([EVERYTHING], this.not())) : this.atom()
    this.#depth--
    return cubes
  }

  private atom(): Cube[] {
    if (this.take('(')) {
      const cubes = this.or()
      this.expect(')')
      return cubes
    }
    const label = this.#tokens[this.#at++]
    if (label?.kind !== 'word') throw new Refused('a label is missing')
    return this.take('(') ? this.call(label.text) : this.comparison(label.text)
  }

  /** `all()` and `has(label)`; `global()` is something else than a demand on labels and handled where it may stand. */
  private call(name: string): Cube[] {
    const argument = this.#tokens[this.#at]
    if (name === 'has' && argument?.kind === 'word') {
      this.#at++
      this.expect(')')
      return [exists(...this.#place(argument.text))]
    }
    this.expect(')')
    if (name === 'all') return [EVERYTHING]
    throw new Refused(`${name}() is not known here`)
  }

  private comparison(label: string): Cube[] {
    const [side, key] = this.#place(label)
    const equal = this.take('==', '!=')
    if (equal) return [(equal === '==' ? isIn : isNotIn)(side, key, [this.text()])]
    if (this.word('not', 'in')) return [isNotIn(side, key, this.texts())]
    if (this.word('in')) {
      const values = this.texts()
      return values.length > 0 ? [isIn(side, key, values)] : []
    }
    const operator = this.#tokens[this.#at]?.text ?? 'nothing'
    throw new Refused(`compares ${label} by "${operator}"; only ==, !=, in and not in have a LabelSelector`)
  }

  private text(): string {
    const token = this.#tokens[this.#at++]
    if (token?.kind !== 'text') throw new Refused('a value in quotes is missing')
    return token.text
  }

  private texts(): string[] {
    const values: string[] = []
    this.expect('{')
    if (this.take('}')) return values
    do values.push(this.text())
    while (this.take(','))
    this.expect('}')
    return values
  }
}

function read(text: string, place: Place): Result<Cube[], string> {
  if (text.length > MOST.characters) return fail('is too long')
  if (text.trim() === '') return ok([EVERYTHING])
  try {
    return ok(new Reader(tokenize(text), place).whole())
  } catch (error) {
    if (error instanceof Refused) return fail(error.reason)
    throw error
  }
}

/** The workloads that a Calico `selector` means, as any of some cubes; or why that cannot be said. Empty selects all. */
export const endpointSelector = (text: string): Result<Cube[], string> => read(text, ofEndpoint)

/** The same for a `namespaceSelector`: only demands on the namespace. */
export const namespaceSelector = (text: string): Result<Cube[], string> => read(text, ofNamespace)
