import { applicationsOf, carries, compilePattern, isSpoken, type L7Kind, type L7Request } from '@sekisho/core'
import type { PolicyRule } from '../documents/document.ts'
import { compileNames } from '../documents/fqdn.ts'
import type { HeaderMatch, L7Match, TextMatch } from '../documents/l7.ts'
import type { FlowFacts, Need } from '../facts.ts'

/** Whether something holds, as far as the facts at hand say. */
export type Knowledge = 'yes' | 'no' | 'unknown'

/** What a rule asks of a conversation beyond its ends and port, compiled once. */
export interface Condition {
  readonly needs: readonly Need[]
  holds(facts: FlowFacts): Knowledge
}

const knowledge = (holds: boolean): Knowledge => (holds ? 'yes' : 'no')

type Test<T> = (value: T) => boolean
/** Of things that a request names several of: an Allow rule must hold for each of them, a Deny rule for any. */
type Quantifier = <T>(things: readonly T[], test: Test<T>) => boolean
/** What names nothing is not what an Allow rule with names is about. */
const EACH: Quantifier = (things, test) => things.length > 0 && things.every(test)
const ANY: Quantifier = (things, test) => things.some(test)

function textTest(match: TextMatch): Test<string> {
  switch (match.kind) {
    case 'exact':
      return text => text === match.value
    case 'prefix':
      return text => text.startsWith(match.value)
    case 'regex': {
      const pattern = compilePattern(match.value)
      if (!pattern.ok) throw new TypeError(`a pattern that validation let pass: ${pattern.error}`)
      return pattern.value
    }
  }
}

const always = (): boolean => true
function among(values: readonly string[] | undefined): Test<string> {
  if (!values) return always
  const set = new Set(values)
  return value => set.has(value)
}
const named = (patterns: readonly string[] | undefined): Test<string> =>
  patterns ? compileNames(patterns) : always
/** A list that is not asked for holds whatever the request names. */
const listed = (
  values: readonly string[] | undefined,
  test: Test<string>,
  quantify: Quantifier,
): Test<readonly string[]> => (values ? things => quantify(things, test) : always)

/** Of what is not known an Allow rule does not hold, and a Deny rule does. */
const known =
  (test: Test<string>, quantify: Quantifier): Test<string | undefined> =>
  value =>
    value === undefined ? quantify === ANY : test(value)

function headerTest(
  { name, value }: HeaderMatch,
  quantify: Quantifier,
): Test<Readonly<Record<string, readonly string[]>>> {
  const test = value ? textTest(value) : always
  return headers => quantify(Object.hasOwn(headers, name) ? (headers[name] ?? []) : [], test)
}

type Compile = {
  readonly [K in L7Kind]: (
    match: Extract<L7Match, { kind: K }>,
    quantify: Quantifier,
  ) => Test<Extract<L7Request, { kind: K }>>
}

const COMPILE: Compile = {
  http({ methods, path, query, hosts, headers = [] }, quantify) {
    const [method, host] = [among(methods), named(hosts)]
    const pathTest = path ? textTest(path) : always
    const queryTest = query ? known(textTest(query), quantify) : always
    const headerTests = headers.map(header => headerTest(header, quantify))
    return request =>
      method(request.method) &&
      host(request.host) &&
      pathTest(request.path) &&
      queryTest(request.query) &&
      headerTests.every(test => test(request.headers))
  },
  grpc({ service, methods }) {
    const [serviceTest, method] = [among(service === undefined ? undefined : [service]), among(methods)]
    return request => serviceTest(request.service) && method(request.method)
  },
  dns({ names, types }) {
    const [name, type] = [named(names), among(types)]
    return request => name(request.name) && type(request.type)
  },
  tls({ sni }) {
    const name = named(sni)
    return request => (request.sni === undefined ? sni === undefined : name(request.sni))
  },
  sql({ statements, databases, tables }, quantify) {
    const [statement, database] = [among(statements), among(databases)]
    const tableTest = listed(tables, among(tables), quantify)
    return request =>
      statement(request.statement) &&
      (request.database === undefined ? databases === undefined : database(request.database)) &&
      tableTest(request.tables)
  },
  redis({ commands, keyPrefixes }, quantify) {
    const command = among(commands)
    const keys = listed(
      keyPrefixes,
      key => keyPrefixes?.some(prefix => key.startsWith(prefix)) ?? true,
      quantify,
    )
    return request => command(request.command) && keys(request.keys)
  },
  kafka({ apis, topics }, quantify) {
    const [api, topicTest] = [among(apis), listed(topics, among(topics), quantify)]
    return request => api(request.api) && topicTest(request.topics)
  },
  mongodb({ operations, databases, collections }) {
    const [operation, database, collection] = [among(operations), among(databases), among(collections)]
    return request =>
      operation(request.operation) &&
      database(request.database) &&
      (request.collection === undefined ? collections === undefined : collection(request.collection))
  },
}

function compileMatch(match: L7Match, quantify: Quantifier): Test<L7Request> {
  // The kind says which compiler is the match's own; a union of functions cannot be called with a union.
  const compile = COMPILE[match.kind] as (match: L7Match, quantify: Quantifier) => Test<L7Request>
  const test = compile(match, quantify)
  return request => request.kind === match.kind && test(request)
}

function compileL7(matches: readonly L7Match[], quantify: Quantifier): Condition {
  const tests = matches.map(match => compileMatch(match, quantify))
  const kinds = [...new Set(matches.map(({ kind }) => kind))]
  const canCome = (application: FlowFacts['application']) =>
    application === undefined || (application !== 'unknown' && kinds.some(kind => carries(application, kind)))
  return {
    needs: kinds,
    holds({ request, application }) {
      if (request) return knowledge(tests.some(test => test(request)))
      return canCome(application) ? 'unknown' : 'no'
    },
  }
}

function compileApplications(applications: readonly string[]): Condition {
  const test = among(applications)
  const unheard = applications.some(isSpoken) ? 'unknown' : 'no'
  return {
    needs: ['application'],
    holds({ application }) {
      if (application === undefined) return unheard
      return knowledge(application !== 'unknown' && applicationsOf(application).some(test))
    },
  }
}

/** Kleene's three-valued and: one no is enough, whatever the other may turn out to be. */
export const both = (a: Knowledge, b: Knowledge): Knowledge =>
  a === 'no' || b === 'no' ? 'no' : a === 'yes' && b === 'yes' ? 'yes' : 'unknown'

export function compileCondition({ action, applications, l7 }: PolicyRule): Condition | undefined {
  const parts = [
    ...(applications ? [compileApplications(applications)] : []),
    ...(l7 ? [compileL7(l7, action === 'Allow' ? EACH : ANY)] : []),
  ]
  const [first, second] = parts
  if (!first || !second) return first
  return {
    needs: [...first.needs, ...second.needs],
    holds: facts => both(first.holds(facts), second.holds(facts)),
  }
}
