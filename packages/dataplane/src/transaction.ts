import { TABLE } from './names.ts'
import type { NftChain, NftCounter, NftElement, NftSet } from './objects.ts'

/** What one transaction does to the table; `commands` writes it in the one order the kernel accepts. */
export interface Edits {
  readonly countersAdded: readonly NftCounter[]
  readonly setsAdded: readonly NftSet[]
  readonly chainsAdded: readonly NftChain[]
  readonly elementsAdded: readonly NftElement[]
  readonly elementsRemoved: readonly NftElement[]
  /** Chains that stay, with their new rules. */
  readonly chainsChanged: readonly NftChain[]
  readonly chainsRemoved: readonly string[]
  readonly setsRemoved: readonly NftSet[]
  readonly countersRemoved: readonly NftCounter[]
}

function elementText({ key, verdict }: NftElement): string {
  return verdict === undefined ? key : `${key} : ${verdict}`
}

/** One command per set, not per element: most of an element's cost is its command. */
function elementCommands(verb: 'add' | 'delete', elements: readonly NftElement[]): string[] {
  const bySet = Map.groupBy(elements, ({ set }) => set)
  const text = verb === 'add' ? elementText : ({ key }: NftElement) => key
  return [...bySet].map(([set, list]) => `${verb} element ${TABLE} ${set} { ${list.map(text).join(', ')} }`)
}

const ruleCommands = ({ name, rules }: NftChain): string[] =>
  rules.map(rule => `add rule ${TABLE} ${name} ${rule}`)
const chainCommand = ({ name, hook }: NftChain): string =>
  `add chain ${TABLE} ${name}${hook === undefined ? '' : ` { ${hook} }`}`

/**
 * New things first, so that whatever refers to them finds them; then what stays is changed; then what nothing
 * refers to any more goes. All chains that go are emptied before the first is deleted: they may refer to each other.
 */
export function commands(edits: Edits): string[] {
  return [
    ...edits.countersAdded.map(({ name }) => `add counter ${TABLE} ${name}`),
    ...edits.setsAdded.map(({ kind, name, spec }) => `add ${kind} ${TABLE} ${name} { ${spec} }`),
    ...edits.chainsAdded.map(chainCommand),
    ...edits.chainsAdded.flatMap(ruleCommands),
    ...elementCommands('delete', edits.elementsRemoved),
    ...elementCommands('add', edits.elementsAdded),
    ...edits.chainsChanged.flatMap(chain => [`flush chain ${TABLE} ${chain.name}`, ...ruleCommands(chain)]),
    ...edits.chainsRemoved.map(name => `flush chain ${TABLE} ${name}`),
    ...edits.chainsRemoved.map(name => `delete chain ${TABLE} ${name}`),
    ...edits.setsRemoved.map(({ kind, name }) => `delete ${kind} ${TABLE} ${name}`),
    ...edits.countersRemoved.map(({ name }) => `delete counter ${TABLE} ${name}`),
  ]
}

/** Removes the table whether or not it is there: `add` makes sure that `delete` finds one. */
export const REMOVE_TABLE: readonly string[] = [`add table ${TABLE}`, `delete table ${TABLE}`]
/** Leads a transaction that builds everything anew; packets see the old table or the new one, never none. */
export const NEW_TABLE: readonly string[] = [...REMOVE_TABLE, `add table ${TABLE}`]

export const script = (lines: readonly string[]): string => `${lines.join('\n')}\n`
