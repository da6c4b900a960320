import type { EpochMs, Mode, NodeName } from '@sekisho/core'
import { type NodeChange, withMode } from '@sekisho/policy'
import type { Store } from '@sekisho/store'
import { parseOrRefuse } from '../lifecycle/changes.ts'
import { openState } from '../lifecycle/state.ts'
import type { MapView, Overview } from '../schema/map.ts'
import type { ModelView } from '../schema/model.ts'
import type { ExplanationView, SimulationView, SuggestionView, UnusedView } from '../schema/policies.ts'
import { type WindowText, windowOf } from '../window.ts'
import { type ExplainRequest, explainView } from './explain.ts'
import { readFilter } from './filter.ts'
import { type FindingsView, findingsView } from './findings.ts'
import { mapView } from './map.ts'
import { modelView } from './model.ts'
import { overview } from './overview.ts'
import type { InsightPorts } from './ports.ts'
import { simulateView } from './simulate.ts'
import { type SuggestRequest, suggest } from './suggest.ts'
import { type UnusedRequest, unusedView } from './unused.ts'

/** What can be asked about records and policies, as text and plain data: it travels between threads. */
export type Question =
  | { readonly kind: 'overview'; readonly ends: WindowText }
  | { readonly kind: 'map'; readonly ends: WindowText; readonly filter?: string | undefined }
  | {
      readonly kind: 'suggest'
      readonly ends: WindowText
      readonly namespaces?: readonly string[] | undefined
      readonly policies: SuggestRequest['kind']
    }
  | ({ readonly kind: 'unused'; readonly ends: WindowText } & Omit<UnusedRequest, 'window'>)
  | {
      readonly kind: 'simulate'
      readonly ends: WindowText
      readonly yaml: string
      readonly mode: Mode
      readonly without: readonly string[]
    }
  | { readonly kind: 'model' }
  | { readonly kind: 'findings' }
  | ({ readonly kind: 'explain'; readonly yaml?: string | undefined } & Omit<ExplainRequest, 'documents'>)

export interface Answers {
  readonly overview: Overview
  readonly map: MapView
  readonly suggest: SuggestionView
  readonly unused: UnusedView
  readonly simulate: SimulationView
  readonly explain: ExplanationView
  readonly model: ModelView
  readonly findings: FindingsView
}
export type Answer = Answers[keyof Answers]

/** A question, and what only the serving process knows about its moment. */
export interface Asked {
  readonly question: Question
  readonly now: EpochMs
  /** Agents whose stream is open. */
  readonly connected: readonly NodeName[]
  /** State that the asker has seen: an answer from an earlier one would surprise. */
  readonly revision: number
}

/** Where questions are answered: away from the thread that serves agents, streams and logins. */
export interface Insight {
  /** @returns JSON of the question's kind of `Answers`. @throws SekishoError as the question deserves; `unavailable` when too many wait. */
  ask(asked: Asked): Promise<string>
}

/** Pictures of "now" show the last hour unless asked otherwise; what is learned from looks back at everything. */
const HOUR_MS = 3_600_000

function answerTo(ports: InsightPorts, question: Question): Answer {
  const { clock } = ports
  switch (question.kind) {
    case 'overview':
      return overview(ports, windowOf(question.ends, clock, HOUR_MS))
    case 'map':
      return mapView(ports, {
        window: windowOf(question.ends, clock, HOUR_MS),
        filter: readFilter(question.filter),
      })
    case 'suggest': {
      const { ends, namespaces, policies: kind } = question
      return suggest(ports, { window: windowOf(ends, clock), namespaces, kind })
    }
    case 'unused':
      return unusedView(ports, { ...question, window: windowOf(question.ends, clock) })
    case 'simulate': {
      const { ends, yaml, mode, without } = question
      // Without documents it is the question what deleting some would do.
      const documents =
        yaml.trim() === '' ? [] : parseOrRefuse(yaml, ports.model).map(each => withMode(each, mode))
      return simulateView(ports, { window: windowOf(ends, clock), documents, without })
    }
    case 'model':
      return modelView(ports.model)
    case 'findings':
      return findingsView(ports)
    case 'explain': {
      const documents = question.yaml === undefined ? undefined : parseOrRefuse(question.yaml, ports.model)
      return explainView(ports, { ...question, documents })
    }
  }
}

/** Which addresses are a node's own, as its agent said last; stored status of an older agent does not say it. */
const nodesOf = (store: Store): NodeChange[] =>
  store.agents.list().map(({ node, status }) => ({ name: node, addresses: status?.addresses ?? [] }))

/**
 * Answers from a store, which may be a read-only one: it keeps a model of its own, brought up to date with the
 * records before each answer, and reads both in one transaction.
 */
export function createAnswers(store: Store): (asked: Asked) => Answer {
  let state = openState(store.state)
  const catchUp = () => {
    // After a long silence what changed may not be told any more, only what is.
    if (!state.follow()) state = openState(store.state)
  }
  return ({ question, now, connected }) =>
    store.transaction(() => {
      catchUp()
      state.model.update({ now, nodes: { set: nodesOf(store) } })
      return answerTo(
        {
          store,
          model: state.model,
          connected: new Set(connected),
          clock: { now: () => now, monotonic: () => now },
        },
        question,
      )
    })
}
