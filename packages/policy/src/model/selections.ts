import { compileSelector, type LabelPredicate, type LabelSelector, selectorKey } from '@sekisho/core'
import type { BoundPolicy } from './bound.ts'
import type { Identity, NamespaceEntry } from './entry.ts'
import { LabelIndex } from './label-index.ts'

/** The namespaces a selector looks in: one by name, or those whose labels a selector selects; or all hosts. */
export interface Scope {
  readonly key: string
  /** Hosts, wherever they are said to be, and nothing else; other scopes hold no hosts. */
  readonly hosts: boolean
  readonly holds: (namespace: NamespaceEntry) => boolean
  readonly namespaces: Set<NamespaceEntry>
  readonly index: LabelIndex<Selection>
  selections: number
}

/** The identities a selector selects, kept as they come and go; one object for all policies that say the same. */
export interface Selection {
  /** Equal for equal meaning: scope and selector. */
  readonly key: string
  readonly scope: Scope
  readonly selector: LabelSelector
  readonly matches: LabelPredicate
  readonly members: Set<Identity>
  /** Policies whose subject it is. */
  readonly subjectOf: Set<BoundPolicy>
  /** Another for each, also among blocks. */
  readonly serial: number
  users: number
}

/** Where a selector looks: the namespace it stands in, or those another selector selects. */
export type ScopeSpec =
  | { readonly kind: 'own'; readonly namespace: string }
  | { readonly kind: 'selected'; readonly selector: LabelSelector }
  | { readonly kind: 'hosts' }

function scopeKey(spec: ScopeSpec): string {
  switch (spec.kind) {
    case 'own':
      return `= ${spec.namespace}`
    case 'selected':
      return `~ ${selectorKey(spec.selector)}`
    case 'hosts':
      return '@'
  }
}

function holds(spec: ScopeSpec): Scope['holds'] {
  switch (spec.kind) {
    case 'own':
      return ({ namespace }) => namespace.name === spec.namespace
    case 'selected': {
      const matches = compileSelector(spec.selector)
      return ({ namespace }) => matches(namespace.labels)
    }
    case 'hosts':
      return () => true
  }
}

/** Whether selectors of a scope may select an identity. */
const isFor = (scope: Scope, { kind }: Identity): boolean => kind === (scope.hosts ? 'host' : 'workload')

/** All selections in use, reference counted, with the indexes that keep their members right. */
export class Selections {
  readonly #scopes = new Map<string, Scope>()
  readonly #selections = new Map<string, Selection>()
  readonly #nextSerial: () => number

  constructor(nextSerial: () => number) {
    this.#nextSerial = nextSerial
  }

  get(key: string): Selection | undefined {
    return this.#selections.get(key)
  }

  acquire(spec: ScopeSpec, selector: LabelSelector, namespaces: Iterable<NamespaceEntry>): Selection {
    const key = `${scopeKey(spec)} | ${selectorKey(selector)}`
    const selection = this.#selections.get(key) ?? this.#make({ key, spec, selector }, namespaces)
    selection.users++
    return selection
  }

  release(selection: Selection): void {
    if (--selection.users > 0) return
    this.#selections.delete(selection.key)
    for (const identity of selection.members) part(selection, identity)
    selection.scope.index.remove(selection)
    if (--selection.scope.selections > 0) return
    this.#scopes.delete(selection.scope.key)
    for (const namespace of selection.scope.namespaces) namespace.scopes.delete(selection.scope)
  }

  #make(
    { key, spec, selector }: { key: string; spec: ScopeSpec; selector: LabelSelector },
    namespaces: Iterable<NamespaceEntry>,
  ): Selection {
    const scope = this.#scope(spec, namespaces)
    const matches = compileSelector(selector)
    const selection: Selection = {
      key,
      scope,
      selector,
      matches,
      members: new Set(),
      subjectOf: new Set(),
      serial: this.#nextSerial(),
      users: 0,
    }
    this.#selections.set(key, selection)
    scope.index.add(selection)
    scope.selections++
    for (const namespace of scope.namespaces) {
      for (const identity of namespace.identities.values()) {
        if (isFor(scope, identity) && matches(identity.labels)) join(selection, identity)
      }
    }
    return selection
  }

  #scope(spec: ScopeSpec, namespaces: Iterable<NamespaceEntry>): Scope {
    const key = scopeKey(spec)
    const old = this.#scopes.get(key)
    if (old) return old
    const scope: Scope = {
      key,
      hosts: spec.kind === 'hosts',
      holds: holds(spec),
      namespaces: new Set(),
      index: new LabelIndex(),
      selections: 0,
    }
    this.#scopes.set(key, scope)
    for (const namespace of namespaces) if (scope.holds(namespace)) enter(scope, namespace)
    return scope
  }

  /** Finds the scopes of a new or relabelled namespace; its identities must be selected anew after it. */
  placeNamespace(namespace: NamespaceEntry): void {
    for (const scope of this.#scopes.values()) {
      if (scope.holds(namespace)) enter(scope, namespace)
      else leave(scope, namespace)
    }
  }

  dropNamespace(namespace: NamespaceEntry): void {
    for (const scope of namespace.scopes) scope.namespaces.delete(namespace)
    namespace.scopes.clear()
  }

  /** Makes the identity a member of exactly the selections that select it now. @returns those it joined or left. */
  select(identity: Identity): readonly Selection[] {
    const now = new Set<Selection>()
    for (const scope of identity.namespace.scopes) {
      if (!isFor(scope, identity)) continue
      for (const selection of scope.index.candidates(identity.labels)) {
        if (selection.matches(identity.labels)) now.add(selection)
      }
    }
    const changed = [...identity.selections.symmetricDifference(now)]
    for (const selection of changed) {
      if (now.has(selection)) join(selection, identity)
      else part(selection, identity)
    }
    return changed
  }

  /** Takes an identity that nothing has any more out of everything. */
  deselect(identity: Identity): void {
    for (const selection of identity.selections) selection.members.delete(identity)
    identity.selections.clear()
  }
}

function join(selection: Selection, identity: Identity): void {
  selection.members.add(identity)
  identity.selections.add(selection)
  identity.kin = undefined
}

function part(selection: Selection, identity: Identity): void {
  selection.members.delete(identity)
  identity.selections.delete(selection)
  identity.kin = undefined
}

function enter(scope: Scope, namespace: NamespaceEntry): void {
  scope.namespaces.add(namespace)
  namespace.scopes.add(scope)
}

function leave(scope: Scope, namespace: NamespaceEntry): void {
  scope.namespaces.delete(namespace)
  namespace.scopes.delete(scope)
}
