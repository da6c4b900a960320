import { fail, LIMITS, ok, type Problem, type Result } from '@sekisho/core'
import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  Lexer,
  LineCounter,
  Parser,
  visit,
} from 'yaml'
import type { Path } from './spot.ts'

/** One document of a YAML text, as JSON, with the way back to the text. */
export interface ReadYaml {
  readonly json: unknown
  /** Where the value at a path, or the nearest one around it, stands in the text; from 1. */
  position(path: Path): { readonly line: number; readonly column: number } | undefined
}

/** A mistake in the text before there are documents to validate. */
class Refused {
  readonly offset: number
  readonly reason: string
  constructor(offset: number, reason: string) {
    this.offset = offset
    this.reason = reason
  }
}

const TOO_DEEP = 'is nested too deeply'
const encoder = new TextEncoder()

function tooLarge(text: string): boolean {
  const most = LIMITS.documentBytes.value
  return text.length > most || (text.length * 3 > most && encoder.encode(text).length > most)
}

const inner = (token: CST.Token): readonly CST.Token[] => {
  if ('items' in token)
    return token.items.flatMap(item => [item.key, item.value].filter(part => part != null))
  if (token.type === 'document') return token.value ? [token.value] : []
  return []
}

/**
 * Tokens of a text up to where brackets, or dashes on one line, are nested deeper than any document is. A megabyte of
 * brackets would keep the parser busy for seconds; nesting by indentation cannot get deep within the size limit.
 */
function* tokens(text: string, lines: LineCounter): Generator<CST.Token | Refused> {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  let brackets = 0
  let dashes = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === '[' || lexeme === '{') brackets++
    else if (lexeme === ']' || lexeme === '}') brackets = Math.max(0, brackets - 1)
    else if (lexeme === '-' || lexeme === '?') dashes++
    else if (lexeme === '\n' || lexeme === '\r\n') dashes = 0
    if (brackets + dashes > LIMITS.yamlDepth.value) return yield new Refused(parser.offset, TOO_DEEP)
    yield* parser.next(lexeme)
  }
  yield* parser.end()
}

const isLargeMap = (token: CST.Token): boolean =>
  (token.type === 'block-map' || token.type === 'flow-collection') &&
  token.items.length > LIMITS.yamlKeys.value &&
  (token.type === 'block-map' || token.start.source === '{')

/** The composer recurses, and compares each key of a map with all before it: what is too deep or wide must not reach it. */
function refuseShape(token: CST.Token): Refused | undefined {
  let level: readonly CST.Token[] = [token]
  for (let depth = 0; level.length > 0; depth++) {
    const first = level[0]
    if (depth > LIMITS.yamlDepth.value) return new Refused(first?.offset ?? 0, TOO_DEEP)
    const wide = level.find(isLargeMap)
    if (wide) return new Refused(wide.offset, 'has too many keys')
    level = level.flatMap(inner)
  }
  return undefined
}

/** Aliases and keys that JSON does not have. */
function refuseNodes(document: Document): Refused | undefined {
  let aliases = 0
  let refused: Refused | undefined
  visit(document, (_, node) => {
    if (isAlias(node) && ++aliases > LIMITS.yamlAliases.value) {
      refused = new Refused(node.range?.[0] ?? 0, 'has too many aliases')
    } else if (isPair(node) && !isScalar(node.key)) {
      refused = new Refused(isNode(node.key) ? (node.key.range?.[0] ?? 0) : 0, 'a key must be a plain word')
    }
    return refused ? visit.BREAK : undefined
  })
  return refused
}

function refuseDocument(document: Document): readonly Refused[] {
  const wrong = [...document.errors, ...document.warnings]
  if (wrong.length > 0) return wrong.map(error => new Refused(error.pos[0], error.message))
  const node = refuseNodes(document)
  return node ? [node] : []
}

/** Offset of the value at a path; of its key where it has one, for that is what a person looks for. */
function offsetOf(document: Document, path: Path): number {
  let node: unknown = document.contents
  let offset = 0
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find(item => isScalar(item.key) && String(item.key.value) === step)
      if (!pair) break
      offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset
      node = pair.value
    } else {
      node = isNode(node) && 'items' in node ? (node.items as readonly unknown[])[Number(step)] : undefined
      if (!isNode(node)) break
      offset = node.range?.[0] ?? offset
    }
  }
  return path.length === 0 && isNode(node) ? (node.range?.[0] ?? 0) : offset
}

/** An alias bomb is only seen when it is expanded: the library counts and gives up. */
function toJson(document: Document): Result<unknown, Refused> {
  try {
    return ok(document.toJS({ maxAliasCount: LIMITS.yamlAliases.value }) as unknown)
  } catch (error) {
    if (error instanceof ReferenceError) return fail(new Refused(0, error.message))
    throw error
  }
}

function compose(text: string, lines: LineCounter): Result<readonly Document[], Refused> {
  const composer = new Composer({
    schema: 'core',
    version: '1.2',
    uniqueKeys: true,
    strict: true,
    prettyErrors: false,
  })
  const documents: Document[] = []
  for (const token of tokens(text, lines)) {
    if (token instanceof Refused) return fail(token)
    const refused = refuseShape(token)
    if (refused) return fail(refused)
    documents.push(...composer.next(token))
    if (documents.length > LIMITS.documentsPerFile.value) break
  }
  documents.push(...composer.end())
  if (documents.length > LIMITS.documentsPerFile.value) return fail(new Refused(0, 'has too many documents'))
  return ok(documents.filter(document => document.errors.length > 0 || !isEmpty(document)))
}

/** Between two separators, or with nothing but comments. */
const isEmpty = ({ contents }: Document): boolean =>
  contents === null || (isScalar(contents) && contents.value === null && !contents.source)

/** An action of Go's text/template, as charts of Helm have them: of it as YAML there is nothing to say. */
const TEMPLATE = /\{\{.*?\}\}/
const UNRENDERED = 'is a template, not YAML: read what it renders to, for example by "helm template"'

/** Reads YAML under bounds (bytes, depth, keys, aliases, documents); duplicate keys and unknown tags are mistakes. */
export function readYaml(text: string): Result<readonly ReadYaml[], readonly Problem[]> {
  if (tooLarge(text)) {
    const reason = `the text is larger than ${LIMITS.documentBytes.value} bytes`
    return fail([{ document: 0, path: '', reason }])
  }
  const lines = new LineCounter()
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const problem = (document: number) => (refused: Refused) => ({
    document,
    path: '',
    reason: refused.reason,
    ...at(refused.offset),
  })
  const composed = compose(text, lines)
  if (!composed.ok) return fail([problem(0)(composed.error)])
  const documents = composed.value
  const wrong = documents.flatMap((document, index) => refuseDocument(document).map(problem(index)))
  if (wrong.length > 0) {
    const template = TEMPLATE.exec(text)
    return fail(template ? [problem(0)(new Refused(template.index, UNRENDERED))] : wrong)
  }
  if (documents.length === 0)
    return fail([{ document: 0, path: '', reason: 'holds no document', line: 1, column: 1 }])
  const read: ReadYaml[] = []
  for (const [index, document] of documents.entries()) {
    const json = toJson(document)
    if (!json.ok) return fail([problem(index)(json.error)])
    read.push({ json: json.value, position: path => at(offsetOf(document, path)) })
  }
  return ok(read)
}
