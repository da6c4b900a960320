import type { NftElementData, NftOperation, NftSetDefinition, NftVerdict } from '@sekisho/linux'

/** What an element leads to. */
interface Data {
  readonly verdict?: NftVerdict | undefined
  readonly counter?: string | undefined
  readonly value?: string | undefined
}

interface SetState {
  readonly definition: NftSetDefinition
  readonly elements: Map<string, Data>
}

/**
 * What nf_tables makes of operations: a table that refuses as the kernel does. Missing objects, elements that are
 * not there, anything deleted that something refers to, and elements that exist with another verdict are errors;
 * a transaction with an error leaves nothing behind.
 */
export class KernelTable {
  #state: State | undefined

  commit(operations: readonly NftOperation[]): void {
    const next: { state: State | undefined } = { state: structuredClone(this.#state) }
    for (const operation of operations) apply(next, operation)
    this.#state = next.state
  }

  /** All of it as plain data, in one order. */
  snapshot(): unknown {
    const state = this.#state
    if (!state) return undefined
    const sorted = <V, R>(map: ReadonlyMap<string, V>, show: (value: V) => R) =>
      [...map].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, show(value)] as const)
    return {
      counters: [...state.counters].toSorted(),
      sets: sorted(state.sets, ({ definition, elements }) => ({
        definition,
        elements: sorted(elements, data => data),
      })),
      chains: sorted(state.chains, one => one),
    }
  }
}

interface State {
  counters: Set<string>
  sets: Map<string, SetState>
  chains: Map<string, { base: unknown; rules: (NftOperation & { kind: 'add-rule' })['expressions'][] }>
}

const refuse = (reason: string): never => {
  throw new Error(reason)
}
const keyOf = (element: NftElementData): string =>
  'key' in element ? element.key.join() : `${element.first.join()}-${element.last.join()}`

function apply(next: { state: State | undefined }, operation: NftOperation): void {
  switch (operation.kind) {
    case 'add-table':
      next.state ??= { counters: new Set(), sets: new Map(), chains: new Map() }
      return
    case 'delete-table':
      if (!next.state) refuse('ENOENT: table')
      next.state = undefined
      return
    default:
      change(next.state ?? refuse('ENOENT: table'), operation)
  }
}

const chainsOf = (verdict: NftVerdict | undefined): string[] =>
  verdict && 'chain' in verdict ? [verdict.chain] : []

/** Chains, sets and counters that anything refers to. */
function references(state: State): { chains: Set<string>; sets: Set<string>; counters: Set<string> } {
  const found = { chains: new Set<string>(), sets: new Set<string>(), counters: new Set<string>() }
  for (const { elements } of state.sets.values())
    for (const { verdict, counter } of elements.values()) {
      for (const name of chainsOf(verdict)) found.chains.add(name)
      if (counter !== undefined) found.counters.add(counter)
    }
  for (const { rules } of state.chains.values()) {
    for (const expression of rules.flat()) {
      if (expression.kind === 'verdict')
        for (const name of chainsOf(expression.verdict)) found.chains.add(name)
      if ('set' in expression) found.sets.add(expression.set)
      if (expression.kind === 'counter') found.counters.add(expression.name)
    }
  }
  return found
}

function setOf(state: State, name: string): SetState {
  return state.sets.get(name) ?? refuse(`ENOENT: set ${name}`)
}

function remove<T>(
  from: { has(name: string): boolean; delete(name: string): T },
  name: string,
  used: Set<string>,
) {
  if (!from.has(name)) refuse(`ENOENT: ${name}`)
  if (used.has(name)) refuse(`EBUSY: ${name}`)
  from.delete(name)
}

type Change = Exclude<NftOperation, { readonly kind: 'add-table' | 'delete-table' }>
function change(state: State, operation: Change): void {
  switch (operation.kind) {
    case 'add-counter':
      state.counters.add(operation.name)
      return
    case 'delete-counter':
      remove(state.counters, operation.name, references(state).counters)
      return
    case 'add-set':
      if (state.sets.has(operation.set.name)) refuse(`EEXIST: ${operation.set.name}`)
      state.sets.set(operation.set.name, { definition: operation.set, elements: new Map() })
      return
    case 'delete-set':
      remove(state.sets, operation.name, references(state).sets)
      return
    case 'add-elements':
      for (const element of operation.elements) addElement(state, operation.set, element)
      return
    case 'delete-elements':
      for (const element of operation.elements) {
        const set = setOf(state, operation.set)
        if (set.definition.interval) refuse('an interval set is never changed')
        if (!set.elements.delete(keyOf(element))) refuse(`ENOENT: element of ${operation.set}`)
      }
      return
    case 'add-chain':
      state.chains.set(operation.name, { base: operation.base, rules: [] })
      return
    case 'flush-chain':
      ;(state.chains.get(operation.name) ?? refuse(`ENOENT: chain ${operation.name}`)).rules = []
      return
    case 'delete-chain':
      if ((state.chains.get(operation.name)?.rules.length ?? 0) > 0)
        refuse(`EBUSY: rules in ${operation.name}`)
      remove(state.chains, operation.name, references(state).chains)
      return
    case 'add-rule':
      addRule(state, operation)
      return
  }
}

function addElement(state: State, name: string, element: NftElementData): void {
  const { definition, elements } = setOf(state, name)
  const { verdict, counter, value } = 'key' in element ? element : {}
  const key = keyOf(element)
  for (const chain of chainsOf(verdict)) if (!state.chains.has(chain)) refuse(`ENOENT: chain ${chain}`)
  if (counter !== undefined && !state.counters.has(counter)) refuse(`ENOENT: counter ${counter}`)
  const data: Data = { verdict, counter, value: value?.join() }
  if (elements.has(key) && JSON.stringify(elements.get(key)) !== JSON.stringify(data)) refuse('EEXIST')
  elements.set(key, data)
  if (elements.size > (definition.elementsMax ?? Number.POSITIVE_INFINITY)) refuse(`ENFILE: ${name}`)
}

function addRule(state: State, { chain, expressions }: NftOperation & { kind: 'add-rule' }): void {
  for (const expression of expressions) {
    if ('set' in expression) setOf(state, expression.set)
    if (expression.kind === 'counter' && !state.counters.has(expression.name)) refuse('ENOENT: counter')
    if (expression.kind === 'verdict')
      for (const name of chainsOf(expression.verdict))
        if (!state.chains.has(name)) refuse(`ENOENT: chain ${name}`)
  }
  const at = state.chains.get(chain) ?? refuse(`ENOENT: chain ${chain}`)
  at.rules.push(expressions)
}
