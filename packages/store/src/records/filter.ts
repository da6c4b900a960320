import type { FilterKey, FilterTerm } from '@sekisho/core'
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import type { Tables } from '../tables.ts'

/** Tables of a flow query as a filter sees them: the edge and its two ends. */
export interface FilterTables {
  e: Tables['edges']
  s: Tables['ends']
  d: Tables['ends']
}
type Build = ExpressionBuilder<FilterTables, keyof FilterTables>
type Side = 's' | 'd'

/** `instr` on lower case, not LIKE: a `%` or `_` that someone typed is only itself. */
const holds = (text: Expression<string>, value: string) =>
  sql<SqlBool>`instr(lower(${text}), lower(${value})) > 0`

const fullName = (eb: Build, side: Side) =>
  sql<string>`${eb.ref(`${side}.namespace`)} || '/' || ${eb.ref(`${side}.name`)}`
const isEnd = (eb: Build, side: Side, value: string) =>
  eb.or([eb(`${side}.name`, '=', value), eb(fullName(eb, side), '=', value), eb(`${side}.ip`, '=', value)])
const mentions = (eb: Build, side: Side, value: string) =>
  holds(sql<string>`${fullName(eb, side)} || ' ' || ${eb.ref(`${side}.ip`)}`, value)

/** One to one with `compileFilter` of core, which a property test holds it to; values are parameters, never SQL. */
const CONDITIONS = {
  ns: (eb, value) => eb.or([eb('s.namespace', '=', value), eb('d.namespace', '=', value)]),
  src: (eb, value) => isEnd(eb, 's', value),
  dst: (eb, value) => isEnd(eb, 'd', value),
  workload: (eb, value) => eb.or([isEnd(eb, 's', value), isEnd(eb, 'd', value)]),
  port: (eb, value) => eb(sql<string>`cast(${eb.ref('e.port')} as text)`, '=', value),
  proto: (eb, value) => eb(sql<string>`lower(${eb.ref('e.protocol')})`, '=', sql<string>`lower(${value})`),
  app: (eb, value) => eb(sql<string>`lower(${eb.ref('e.application')})`, '=', sql<string>`lower(${value})`),
  verdict: (eb, value) => eb('e.outcome', '=', value),
  why: (eb, value) => eb('e.why', '=', value),
  by: (eb, value) => holds(eb.ref('e.decided_by'), value),
  text: (eb, value) => eb.or([mentions(eb, 's', value), mentions(eb, 'd', value)]),
} satisfies Record<FilterKey, (eb: Build, value: string) => Expression<SqlBool>>

/** Terms of one key are alternatives, different keys must all hold, and no `not` term may hold. */
export function filterCondition(eb: Build, terms: readonly FilterTerm[]): Expression<SqlBool> {
  const wanted = Map.groupBy(
    terms.filter(term => !term.not),
    term => term.key,
  )
  const condition = ({ key, value }: FilterTerm) => CONDITIONS[key](eb, value)
  return eb.and([
    ...[...wanted.values()].map(group => eb.or(group.map(condition))),
    ...terms.filter(term => term.not).map(term => eb.not(condition(term))),
  ])
}
