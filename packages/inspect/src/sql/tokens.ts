/** Where the dialects' texts differ in what is a comment, a text or a name. */
export type Dialect = 'postgresql' | 'mysql' | 'sqlserver' | 'other'

export type Token =
  /** A key word or a name. Quoted names keep their case, others are in lower case; `dotted` follows a point. */
  | { readonly kind: 'word'; readonly text: string; readonly quoted: boolean; readonly dotted: boolean }
  | { readonly kind: 'sign'; readonly text: string }
  /** A text, number or parameter. */
  | { readonly kind: 'value' }

const WORD_START = /[\p{L}_@$#]/u
const WORD = /[\p{L}\p{N}_@$#]+/uy
const NUMBER = /[0-9][0-9a-zA-Z_.]*/y
const SPACE = /\s+/y
const LINE = /[^\n]*/y
const DOLLAR_QUOTE = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy
const VALUE: Token = Object.freeze({ kind: 'value' })

/**
 * Splits a text as a server of the dialect does, as far as it matters for verbs and names: what a server takes for
 * code must not hide in what we take for a comment or a text, nor the other way round.
 * @returns undefined where a text, name or comment has no end, or there are more tokens than `limit`.
 */
export function tokenize(text: string, dialect: Dialect, limit = 20_000): readonly Token[] | undefined {
  const scanner = new Scanner(text, dialect)
  while (scanner.next()) if (scanner.tokens.length > limit) return undefined
  return scanner.atEnd ? scanner.tokens : undefined
}

class Scanner {
  readonly tokens: Token[] = []
  readonly #text: string
  readonly #dialect: Dialect
  #at = 0
  /** Inside MySQL's conditional comment, whose content is code. */
  #conditional = false

  constructor(text: string, dialect: Dialect) {
    this.#text = text
    this.#dialect = dialect
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length
  }

  /** @returns false at the end, or where nothing fits. */
  next(): boolean {
    if (this.atEnd) return false
    const character = this.#text[this.#at] ?? ''
    return (
      this.#match(SPACE) !== undefined ||
      this.#comment(character) ||
      this.#quoted(character) ||
      this.#plain(character)
    )
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found === '' ? undefined : found
  }

  #comment(character: string): boolean {
    const two = this.#text.substr(this.#at, 2)
    // MySQL wants a blank after "--": without one, "5--1" is arithmetic.
    const dashes = two === '--' && (this.#dialect !== 'mysql' || /\s|^$/.test(this.#text[this.#at + 2] ?? ''))
    if (dashes || (character === '#' && this.#dialect === 'mysql')) {
      this.#match(LINE)
      return true
    }
    if (two === '*/' && this.#conditional) {
      this.#conditional = false
      this.#at += 2
      return true
    }
    return two === '/*' && this.#block()
  }

  #block(): boolean {
    const condition = /^\/\*M?!\d*/.exec(this.#text.slice(this.#at, this.#at + 16))?.[0]
    if (condition !== undefined && this.#dialect === 'mysql') {
      this.#conditional = true
      this.#at += condition.length
      return true
    }
    const end = this.#dialect === 'mysql' ? this.#text.indexOf('*/', this.#at + 2) : this.#nestedEnd()
    if (end < 0) return false
    this.#at = end + 2
    return true
  }

  /** Block comments nest in the standard, in PostgreSQL and in SQL Server. */
  #nestedEnd(): number {
    let depth = 0
    for (let at = this.#at; at < this.#text.length; at++) {
      const two = this.#text.substr(at, 2)
      if (two === '/*') depth++
      else if (two === '*/') depth--
      else continue
      if (depth === 0) return at
      at++
    }
    return -1
  }

  #quoted(character: string): boolean {
    switch (character) {
      case "'":
        return this.#string("'", this.#dialect === 'mysql' || this.#isEscapeString())
      case '"':
        // In MySQL a text, unless ANSI_QUOTES is set; taken for a name it can still only be one more name.
        return this.#dialect === 'mysql' ? this.#string('"', true) : this.#name('"')
      case '`':
        return this.#dialect === 'mysql' && this.#name('`')
      case '[':
        return this.#dialect === 'sqlserver' && this.#name(']')
      case '$':
        return this.#dialect === 'postgresql' && this.#dollar()
      default:
        return false
    }
  }

  /** PostgreSQL's E'…', whose E is the word just before it. */
  #isEscapeString(): boolean {
    if (this.#dialect !== 'postgresql' || !/[eE]/.test(this.#text[this.#at - 1] ?? '')) return false
    const last = this.tokens.at(-1)
    if (last?.kind !== 'word' || last.text !== 'e') return false
    this.tokens.pop()
    return true
  }

  #end(quote: string, escapes: boolean): number {
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const character = this.#text[at]
      if (character === '\\' && escapes) at++
      else if (character !== quote) continue
      else if (this.#text[at + 1] === quote) at++
      else return at
    }
    return -1
  }

  #string(quote: string, escapes: boolean): boolean {
    const end = this.#end(quote, escapes)
    if (end < 0) return false
    this.#at = end + 1
    this.tokens.push(VALUE)
    return true
  }

  #name(quote: string): boolean {
    const end = this.#end(quote, false)
    if (end < 0) return false
    const text = this.#text.slice(this.#at + 1, end).replaceAll(quote + quote, quote)
    this.tokens.push({ kind: 'word', text, quoted: true, dotted: this.#isDotted() })
    this.#at = end + 1
    return true
  }

  #dollar(): boolean {
    const start = this.#at
    const quote = this.#match(DOLLAR_QUOTE)
    if (quote === undefined) return false
    const end = this.#text.indexOf(quote, this.#at)
    if (end < 0) {
      this.#at = start
      return false
    }
    this.#at = end + quote.length
    this.tokens.push(VALUE)
    return true
  }

  #isDotted(): boolean {
    const last = this.tokens.at(-1)
    return last?.kind === 'sign' && last.text === '.'
  }

  /** A text, name or comment that begins here would have been taken if it had an end. */
  #isUnfinished(character: string): boolean {
    if (character === "'" || character === '"' || character === '`') return true
    const two = this.#text.substr(this.#at, 2)
    return two === '/*' || (this.#dialect === 'postgresql' && character === '$' && !/\$\d/.test(two))
  }

  #plain(character: string): boolean {
    if (this.#isUnfinished(character)) return false
    // A name may begin with "$" or "#" in some dialects; where it begins a quote or comment it was taken for that.
    if (WORD_START.test(String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0))) {
      const text = this.#match(WORD)
      if (text === undefined) return false
      this.tokens.push({ kind: 'word', text: text.toLowerCase(), quoted: false, dotted: this.#isDotted() })
      return true
    }
    if (this.#match(NUMBER) !== undefined) {
      this.tokens.push(VALUE)
      return true
    }
    this.#at++
    this.tokens.push({ kind: 'sign', text: character })
    return true
  }
}
