import { type Dialect, type Token, tokenize } from './tokens.ts'

/** What one part of a text does to which tables. */
export interface Statement {
  /** Lower case, as in `select`. */
  readonly verb: string
  /** As written: with their schema where one is named, plain names in lower case. Sorted, each once. */
  readonly tables: readonly string[]
}

/**
 * The verbs of a text and the tables each of them is about. `insert into a select … from b` inserts into a and selects
 * from b; what a CTE, an EXPLAIN or a prepared statement does counts as if it stood alone, for the server does it.
 * @returns undefined where the text is not understood: an unterminated text or comment, or too many tokens.
 */
export function readStatements(text: string, dialect: Dialect): readonly Statement[] | undefined {
  const tokens = tokenize(text, dialect)
  if (!tokens) return undefined
  return split(tokens, dialect).flatMap(statement => new Walk(statement).statements())
}

const isSign = (token: Token | undefined, text: string): boolean =>
  token?.kind === 'sign' && token.text === text
const isWord = (token: Token | undefined, ...texts: readonly string[]): boolean =>
  token?.kind === 'word' && !token.quoted && !token.dotted && texts.includes(token.text)

/** Words of T-SQL with which a statement begins also where no semicolon is before it. In a clause they count as one more. */
const BEGINS =
  'alter backup bulk create deny drop exec execute grant kill reconfigure restore revoke shutdown truncate use'.split(
    ' ',
  )

function split(tokens: readonly Token[], dialect: Dialect): readonly (readonly Token[])[] {
  const statements: Token[][] = [[]]
  tokens.forEach((token, at) => {
    // `option (use hint (…))` is a clause.
    const begins =
      dialect === 'sqlserver' && isWord(token, ...BEGINS) && !isWord(tokens[at + 1], 'hint', 'plan')
    if (isSign(token, ';')) statements.push([])
    else if (begins) statements.push([token])
    else statements.at(-1)?.push(token)
  })
  return statements.filter(({ length }) => length > 0)
}

/** Verbs that may stand inside another statement, wherever it takes a query. */
const INNER: ReadonlySet<string> = new Set(['select', 'insert', 'update', 'delete', 'merge', 'replace'])
/** `for update`, `on delete cascade`, `on conflict do update`, `on duplicate key update`: clauses, not verbs. */
const CLAUSE_BEFORE = ['for', 'on', 'do', 'key', 'after', 'before', 'instead', 'of', 'or', 'then']
/** Of these the first names after them are what they write to. */
const TARGET_AFTER: ReadonlySet<string> = new Set([
  'into',
  'update',
  'table',
  'tables',
  'truncate',
  'copy',
  'lock',
])
/** Functions with a FROM inside their brackets. */
const FROM_FUNCTIONS = ['extract', 'substring', 'trim', 'overlay', 'position']
const NO_NAMES = [
  'only',
  'if',
  'not',
  'exists',
  'lateral',
  'low_priority',
  'ignore',
  'quick',
  'delayed',
  'table',
  'tables',
]

class Walk {
  readonly #tokens: readonly Token[]
  readonly #found: { verb: string; tables: Set<string> }[] = []
  /** Names of common table expressions: no tables. */
  readonly #common = new Set<string>()

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  statements(): readonly Statement[] {
    const first = this.#tokens.find(token => token.kind === 'word' && !token.quoted)
    if (first?.kind !== 'word') return []
    this.#collectCommon()
    if (first.text !== 'with') this.#verb(first.text === 'exec' ? 'execute' : first.text)
    let open = this.#found.at(0)
    for (let at = 0; at < this.#tokens.length; at++) {
      const token = this.#tokens[at]
      if (token?.kind !== 'word' || token.quoted || token.dotted) continue
      if (this.#isInnerVerb(at, first)) open = this.#verb(token.text)
      this.#tablesAt(at, token.text, open)
    }
    return this.#found
      .filter(({ verb, tables }, at) => at === 0 || tables.size > 0 || verb !== 'select')
      .map(({ verb, tables }) => ({ verb, tables: [...tables].toSorted() }))
  }

  /** The same verb again, as in a union, is the same statement with more tables. */
  #verb(verb: string) {
    const known = this.#found.find(found => found.verb === verb)
    if (known) return known
    const found = { verb, tables: new Set<string>() }
    this.#found.push(found)
    return found
  }

  /** `with [recursive] a (x) as [not materialized] (…), b as (…)`. */
  #collectCommon(): void {
    this.#tokens.forEach((token, at) => {
      if (token.kind !== 'word' || token.dotted) return
      const before = this.#tokens[at - 1]
      if (isWord(before, 'with', 'recursive') || isSign(before, ',')) {
        if (this.#opensQuery(at + 1)) this.#common.add(token.text)
      }
    })
  }

  #opensQuery(at: number): boolean {
    let next = isSign(this.#tokens[at], '(') ? this.#closing(at) + 1 : at
    if (!isWord(this.#tokens[next], 'as')) return false
    while (isWord(this.#tokens[next + 1], 'not', 'materialized')) next++
    return isSign(this.#tokens[next + 1], '(')
  }

  #closing(open: number): number {
    let depth = 0
    for (let at = open; at < this.#tokens.length; at++) {
      if (isSign(this.#tokens[at], '(')) depth++
      else if (isSign(this.#tokens[at], ')') && --depth === 0) return at
    }
    return this.#tokens.length
  }

  #isInnerVerb(at: number, first: Token): boolean {
    const token = this.#tokens[at]
    if (token === first || token?.kind !== 'word' || !INNER.has(token.text)) return false
    const [before, after] = [this.#tokens[at - 1], this.#tokens[at + 1]]
    // replace(…) and insert(…) are functions too.
    if (isSign(after, '(') && token.text !== 'select') return false
    return !isWord(before, ...CLAUSE_BEFORE)
  }

  #tablesAt(at: number, word: string, open: { verb: string; tables: Set<string> } | undefined): void {
    const reads = () => (open && ['delete', 'update'].includes(open.verb) ? this.#verb('select') : open)
    const isFirstOfDelete = open?.verb === 'delete' && open.tables.size === 0
    if (word === 'from' && this.#isFromClause(at)) this.#names(at + 1, isFirstOfDelete ? open : reads())
    else if (word === 'join' || word === 'using') this.#names(at + 1, word === 'join' ? open : reads())
    else if (TARGET_AFTER.has(word) && !isWord(this.#tokens[at - 1], ...CLAUSE_BEFORE))
      this.#names(at + 1, open)
    else if (open && ['insert', 'delete', 'replace', 'merge'].includes(word) && word === open.verb) {
      // MySQL: `insert t values`, `delete t from t join …`.
      if (!isWord(this.#tokens[at + 1], 'into', 'from') && !isSign(this.#tokens[at + 1], '(')) {
        this.#names(at + 1, open)
      }
    }
  }

  /** Not `is distinct from`, nor the FROM of `extract(year from t)`. */
  #isFromClause(at: number): boolean {
    if (isWord(this.#tokens[at - 1], 'distinct')) return false
    let depth = 0
    for (let back = at - 1; back >= 0; back--) {
      if (isSign(this.#tokens[back], ')')) depth++
      else if (isSign(this.#tokens[back], '(') && --depth < 0) {
        return !isWord(this.#tokens[back - 1], ...FROM_FUNCTIONS)
      }
    }
    return true
  }

  /** `[only] a.b [as] c, d …`: names up to the first token that is none. */
  #names(start: number, open: { tables: Set<string> } | undefined): void {
    let at = start
    for (;;) {
      while (isWord(this.#tokens[at], ...NO_NAMES)) at++
      const name = this.#nameAt(at)
      if (!name) return
      // A function, as in `from generate_series(1, 9)`; a list of columns follows the target of an insert.
      const isCall = isSign(this.#tokens[name.next], '(') && isWord(this.#tokens[start - 1], 'from', 'join')
      if (!isCall && !this.#common.has(name.text)) open?.tables.add(name.text)
      at = isCall ? this.#closing(name.next) + 1 : name.next
      while (!isSign(this.#tokens[at], ',')) {
        const token = this.#tokens[at]
        const isAlias = token?.kind === 'word' && (token.quoted || !AFTER_NAMES.has(token.text))
        if (!isAlias) return
        at++
      }
      at++
    }
  }

  #nameAt(start: number): { readonly text: string; readonly next: number } | undefined {
    const first = this.#tokens[start]
    if (first?.kind !== 'word' || (!first.quoted && AFTER_NAMES.has(first.text))) return undefined
    const parts = [first.text]
    let at = start + 1
    while (isSign(this.#tokens[at], '.')) {
      const part = this.#tokens[at + 1]
      if (part?.kind === 'word') parts.push(part.text)
      at += part?.kind === 'word' ? 2 : 1
    }
    return { text: parts.join('.'), next: at }
  }
}

/** Key words that end a list of tables, and are no aliases. */
const AFTER_NAMES: ReadonlySet<string> = new Set([
  'cross',
  'except',
  'fetch',
  'for',
  'from',
  'full',
  'group',
  'having',
  'in',
  'inner',
  'insert',
  'intersect',
  'into',
  'join',
  'left',
  'limit',
  'natural',
  'offset',
  'on',
  'order',
  'returning',
  'right',
  'select',
  'set',
  'union',
  'using',
  'values',
  'when',
  'where',
  'window',
  'with',
  'default',
  'read',
  'write',
  'to',
  'stdin',
  'stdout',
  'delete',
  'update',
])
