import type { Window } from '@sekisho/store'
import type { MapView, Overview } from '../schema/map.ts'
import type { ExplanationView, SimulationView, SuggestionView } from '../schema/policies.ts'
import { type ExplainRequest, explainView } from './explain.ts'
import { type MapRequest, mapView } from './map.ts'
import { overview } from './overview.ts'
import type { InsightPorts } from './ports.ts'
import { type SimulateRequest, simulateView } from './simulate.ts'
import { type SuggestRequest, suggest } from './suggest.ts'

/** Answers made from what is recorded and what is in force. Reads only. */
export interface Insight {
  map(request: MapRequest): MapView
  overview(window: Window): Overview
  suggest(request: SuggestRequest): SuggestionView
  simulate(request: SimulateRequest): SimulationView
  /** @throws SekishoError not-found, bad-request */
  explain(request: ExplainRequest): ExplanationView
}

export const createInsight = (ports: InsightPorts): Insight => ({
  map: request => mapView(ports, request),
  overview: window => overview(ports, window),
  suggest: request => suggest(ports, request),
  simulate: request => simulateView(ports, request),
  explain: request => explainView(ports, request),
})
