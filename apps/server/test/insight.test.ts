import {
  type ChangeView,
  type ExplanationView,
  explanation,
  type MapView,
  type Overview,
  type SimulationView,
  type SuggestionView,
  simulation,
  suggestion,
  type UnusedView,
  unused,
} from '@sekisho/control'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { batch, flow, join, shop, upload, workload } from './agent.ts'
import { type Client, startTestServer, type TestServer } from './harness.ts'

/** The way a person goes: see, propose, try on what was seen, apply, ask why. */

let server: TestServer
let client: Client
beforeAll(async () => {
  server = await startTestServer()
  client = await server.login()
  const identity = await join(server, 'n1')
  const [web, api, db] = [
    workload('n1', 'web', '10.1.0.1'),
    workload('n1', 'api', '10.1.0.2'),
    workload('n1', 'db', '10.1.0.3'),
  ]
  const now = server.time.clock.now()
  const flows = [flow(now, web, api), { ...flow(now, api, db), port: 5_432 }]
  await upload(server, identity, batch('n1', 1, { workloads: [web, api, db], namespaces: shop, flows }))
})
afterAll(() => server[Symbol.asyncDispose]())

test('what was seen is on the map and in the overview', async () => {
  const map = await client.get<MapView>('map')
  expect(
    map.edges.map(({ source, destination, port }) => `${source} ${destination} ${port}`).toSorted(),
  ).toEqual(['shop/api shop/db 5432', 'shop/web shop/api 443'])
  expect(await client.get<Overview>('overview')).toMatchObject({ workloads: 3, flows: { allowed: 6 } })
})

test('a proposal breaks nothing that was seen, and explains itself once it is in force', async () => {
  const proposal = await client.post<SuggestionView>('policies/suggest', { namespaces: ['shop'] })
  expect(suggestion.parse(proposal)).toEqual(proposal)
  expect(proposal.policies.length).toBeGreaterThan(0)

  const enforced = proposal.yaml.replaceAll('mode: Audit', 'mode: Enforce')
  const trial = await client.post<SimulationView>('policies/simulate', { yaml: enforced })
  expect(simulation.parse(trial)).toEqual(trial)
  expect(trial).toMatchObject({ newlyDenied: 0, legitimateBroken: 0 })
  expect(trial.unchanged).toBe(trial.flows)

  const question = { source: 'shop/web', destination: 'shop/db', port: 5_432 }
  expect((await client.post<ExplanationView>('explain', question)).verdict).toBe('allow')
  const whatIf = await client.post<ExplanationView>('explain', { ...question, yaml: enforced })
  expect([whatIf.verdict, whatIf.why]).toEqual(['deny', 'isolated'])
  await client.post<ChangeView>('policies/apply', { yaml: proposal.yaml, mode: 'Enforce' })
  const answer = await client.post<ExplanationView>('explain', question)
  expect(explanation.parse(answer)).toEqual(answer)
  expect([answer.verdict, answer.outcome]).toEqual(['deny', 'denied'])
  expect(answer.sentences.ja.length).toBeGreaterThan(0)
  expect(
    (
      await client.post<ExplanationView>('explain', {
        source: 'shop/web',
        destination: 'shop/api',
        port: 443,
      })
    ).verdict,
  ).toBe('allow')
})

test('rules that nothing came to, as a program asks for them', async () => {
  const answer = await client.post<UnusedView>('policies/unused', { days: 30, namespaces: ['shop'] })
  expect(unused.parse(answer)).toEqual(answer)
  expect(new Set(answer.rules.map(({ use }) => use))).toEqual(new Set(['used', 'not-seen-long-enough']))
})

test.each([
  ['suggest', { window: '1y' }, 400],
  ['unused', { days: 0 }, 400],
  ['simulate', { yaml: '{a: [' }, 422],
])('policies/%s refuses what it cannot read', async (path, body, status) => {
  expect((await client.call('POST', `policies/${path}`, body)).status).toBe(status)
})
test('an unknown workload is not found', async () => {
  const question = { source: 'shop/nobody', destination: 'shop/db', port: 1 }
  expect((await client.call('POST', 'explain', question)).status).toBe(404)
})
