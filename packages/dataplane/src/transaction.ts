import type { NftElementData, NftOperation, NftSetDefinition } from '@sekisho/linux'
import { keyBytes, rangeBytes } from './element-key.ts'
import { TABLE } from './names.ts'
import type { NftChain, NftCounter, NftElement, NftSet } from './objects.ts'
import { verdictText } from './statement.ts'

/** What one transaction does to the table; made into operations in the one order the kernel accepts. */
export interface Edits {
  /** Whether the table is made anew: packets see the old one or the new one, never none. */
  readonly anew?: boolean
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

/** One change, as nft would be told of it and as the kernel is. */
export interface Command {
  readonly text: string
  /** Made when asked for: encoded keys of a large table would double its memory. */
  operation(): NftOperation
}

/** The text is for people and tests: it is made when somebody reads it. */
const command = (text: () => string, operation: () => NftOperation): Command => ({
  get text() {
    return text()
  },
  operation,
})
const simple = (text: string, operation: NftOperation): Command => ({ text, operation: () => operation })

export const ADD_TABLE = simple(`add table ${TABLE}`, { kind: 'add-table' })
/** Removes the table whether or not it is there: `add` makes sure that `delete` finds one. */
export const REMOVE_TABLE: readonly Command[] = [
  ADD_TABLE,
  simple(`delete table ${TABLE}`, { kind: 'delete-table' }),
]

function specText({ key, interval, data, elementsMax, dynamic }: NftSetDefinition): string {
  const flags = interval ? ' flags interval;' : ''
  const kept = dynamic ? ` flags dynamic,timeout; timeout ${dynamic.secondsKept}s;` : ''
  const size = elementsMax === undefined ? '' : ` size ${elementsMax};`
  return `type ${key.join(' . ')}${data ? ` : ${data}` : ''};${flags}${kept}${size}`
}
const kindText = ({ data }: NftSetDefinition): string => (data ? 'map' : 'set')

function elementData(set: NftSetDefinition, element: NftElement): NftElementData {
  const { verdict, counter, classid } = element
  if (set.interval) return rangeBytes(element.key)
  const key = keyBytes(set.key, element.key)
  if (verdict) return { key, verdict }
  if (counter !== undefined) return { key, counter }
  return classid === undefined ? { key } : { key, value: keyBytes(['classid'], classid) }
}

function elementText({ key, verdict, counter, classid }: NftElement): string {
  if (verdict) return `${key} : ${verdictText(verdict)}`
  if (counter !== undefined) return `${key} : "${counter}"`
  return classid === undefined ? key : `${key} : ${classid}`
}

/** One command per set, not per element: most of an element's cost would be its command. */
function elementCommands(
  verb: 'add' | 'delete',
  elements: readonly NftElement[],
  setOf: (name: string) => NftSetDefinition,
): Command[] {
  return [...Map.groupBy(elements, ({ set }) => set)].map(([name, list]) => {
    const set = setOf(name)
    const text = (element: NftElement) => (verb === 'add' ? elementText(element) : element.key)
    return command(
      () => `${verb} element ${TABLE} ${name} { ${list.map(text).join(', ')} }`,
      () => ({
        kind: `${verb}-elements`,
        set: name,
        elements: list.map(element => elementData(set, element)),
      }),
    )
  })
}

const ruleCommands = ({ name, rules }: NftChain): Command[] =>
  rules.map(({ text, expressions }) =>
    simple(`add rule ${TABLE} ${name} ${text}`, { kind: 'add-rule', chain: name, expressions }),
  )

const PRIORITY = new Map([
  [-300, 'raw'],
  [0, 'filter'],
])
function chainCommand({ name, base }: NftChain): Command {
  if (!base) return simple(`add chain ${TABLE} ${name}`, { kind: 'add-chain', name })
  const priority = PRIORITY.get(base.priority) ?? `${base.priority}`
  const hook = `type filter hook ${base.hook} priority ${priority}; policy accept;`
  return simple(`add chain ${TABLE} ${name} { ${hook} }`, { kind: 'add-chain', name, base })
}

/**
 * New things first, so that whatever refers to them finds them; then what stays is changed; then what nothing
 * refers to any more goes. Chains that go are emptied first, since they refer to sets and to each other, and sets go
 * before chains, since elements of verdict maps refer to them.
 */
export function commands(edits: Edits, setOf: (name: string) => NftSetDefinition): Command[] {
  const named = (verb: 'add' | 'delete') => (name: string) =>
    simple(`${verb} counter ${TABLE} ${name}`, { kind: `${verb}-counter`, name })
  return [
    ...(edits.anew ? [...REMOVE_TABLE, ADD_TABLE] : []),
    ...edits.countersAdded.map(({ name }) => name).map(named('add')),
    ...edits.setsAdded.map(set =>
      simple(`add ${kindText(set)} ${TABLE} ${set.name} { ${specText(set)} }`, { kind: 'add-set', set }),
    ),
    ...edits.chainsAdded.map(chainCommand),
    ...edits.chainsAdded.flatMap(ruleCommands),
    ...elementCommands('delete', edits.elementsRemoved, setOf),
    ...elementCommands('add', edits.elementsAdded, setOf),
    ...edits.chainsChanged.flatMap(chain => [flush(chain.name), ...ruleCommands(chain)]),
    ...edits.chainsRemoved.map(flush),
    ...edits.setsRemoved.map(set =>
      simple(`delete ${kindText(set)} ${TABLE} ${set.name}`, { kind: 'delete-set', name: set.name }),
    ),
    ...edits.chainsRemoved.map(name =>
      simple(`delete chain ${TABLE} ${name}`, { kind: 'delete-chain', name }),
    ),
    ...edits.countersRemoved.map(({ name }) => name).map(named('delete')),
  ]
}

const flush = (name: string): Command => simple(`flush chain ${TABLE} ${name}`, { kind: 'flush-chain', name })

/** The commands as a script for `nft -f`, to be read. */
export const script = (list: readonly Command[]): string => list.map(({ text }) => `${text}\n`).join('')
