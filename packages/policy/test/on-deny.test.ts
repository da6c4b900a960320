import { describe, expect, test } from 'vitest'
import { askResidual, createTableCompiler, ON_DENY, residual } from '../src/index.ts'
import { WORKLOADS, web } from './asking.ts'
import { modelOf, NODE } from './builders.ts'

type Json = Readonly<Record<string, unknown>>
type Policies = Readonly<Record<string, Json>>

const QUERY = {
  source: { ip: '10.0.0.1' },
  destination: { ip: '10.0.0.2' },
  protocol: 'TCP',
  port: 80,
} as const
const GET = [{ http: { methods: ['GET'] } }]
const DENY_GET = { action: 'Deny', l7: GET }
const POST = {
  application: 'http',
  request: { kind: 'http', method: 'POST', path: '/', host: 'api', headers: {} },
} as const

const model = (policies: Policies) =>
  modelOf(
    WORKLOADS,
    Object.entries(policies).map(([name, sections]) => web(name, sections)),
  )

describe('how what is denied ends', () => {
  test.each<[string, Policies, string | undefined]>([
    ['silently, unless it is written', { a: { egress: [] } }, undefined],
    ['silently, as it is written', { a: { onDeny: 'drop', egress: [] } }, undefined],
    ...ON_DENY.filter(one => one !== 'drop').map(
      one => [one, { a: { onDeny: one, egress: [] } }, one] as [string, Policies, string],
    ),
    [
      'as the policy of the Deny rule says',
      { a: { onDeny: 'reset', egress: [{ action: 'Deny' }] } },
      'reset',
    ],
    [
      'as the Deny rule itself says',
      { a: { onDeny: 'reset', egress: [{ action: 'Deny', onDeny: 'explain' }] } },
      'explain',
    ],
    [
      'silently, where the Deny rule says so',
      { a: { onDeny: 'reset', egress: [{ action: 'Deny', onDeny: 'drop' }] } },
      undefined,
    ],
    [
      'as the policy says that decided',
      { a: { onDeny: 'reset', egress: [] }, b: { onDeny: 'explain', egress: [] } },
      'reset',
    ],
    [
      'as the policy says whose requests are not allowed',
      { a: { onDeny: 'respond', egress: [{ l7: GET }] } },
      'respond',
    ],
  ])('%s', (_what, policies, onDeny) => {
    const decision = model(policies).decide({ ...QUERY, facts: POST })
    expect(decision).toMatchObject({ verdict: 'deny' })
    expect(decision.onDeny).toBe(onDeny)
    expect(decision.egress.onDeny).toBe(onDeny)
    const left = askResidual(residual(model(policies), QUERY))
    expect(left(POST).enforced).toEqual(decision)
  })

  test('what is allowed does not end', () => {
    const { onDeny, verdict } = model({ a: { onDeny: 'reset', egress: [{}] } }).decide(QUERY)
    expect([verdict, onDeny]).toEqual(['allow', undefined])
  })

  test.each<[string, Policies, string | undefined]>([
    ['as its policy says', { a: { onDeny: 'reset', egress: [DENY_GET, {}] } }, 'reset'],
    ['as its rule says', { a: { egress: [{ ...DENY_GET, onDeny: 'respond' }, {}] } }, 'respond'],
    [
      'as the policy says that tells less',
      { a: { onDeny: 'explain', egress: [DENY_GET, {}] }, b: { onDeny: 'reset', egress: [DENY_GET] } },
      'reset',
    ],
    [
      'in either order',
      { a: { onDeny: 'reset', egress: [DENY_GET, {}] }, b: { onDeny: 'explain', egress: [DENY_GET] } },
      'reset',
    ],
    [
      'silently, where one is silent',
      { a: { onDeny: 'reset', egress: [DENY_GET, {}] }, b: { egress: [DENY_GET] } },
      undefined,
    ],
  ])('a question that cannot be answered ends %s', (_what, policies, onDeny) => {
    const { verdict, inspect } = model(policies).decide(QUERY)
    expect(verdict).toBe('allow')
    expect(inspect).toEqual({ needs: ['http'], onFailure: 'closed', ...(onDeny && { onDeny }) })
    expect(askResidual(residual(model(policies), QUERY))({}).inspect).toEqual(inspect)
  })
})

describe('the table of a node', () => {
  const resets = (policies: Policies) => {
    const { table } = createTableCompiler(model(policies), { name: NODE, addresses: [] })
    const rules = [...table.chains.values()].flatMap(({ stages }) => stages.flat())
    return Object.fromEntries(rules.map(({ id, reset }) => [id.replace(/^.*#/, ''), reset ?? false]))
  }

  test('says of each rule whether the sender is told', () => {
    const egress = [
      { action: 'Deny', onDeny: 'drop', ports: [{ port: 1 }] },
      { action: 'Deny', ports: [{ port: 2 }] },
      {},
    ]
    const policy = { onDeny: 'explain', egress }
    expect(resets({ a: policy })).toEqual({
      'egress[0]': false,
      'egress[1]': true,
      'egress[2]': false,
      egress: true,
    })
  })

  test('is another one when only that has changed', () => {
    const egress = [{ action: 'Deny', ports: [{ port: 1 }] }]
    const of = (onDeny: string) => {
      const { table } = createTableCompiler(model({ a: { onDeny, egress } }), { name: NODE, addresses: [] })
      return [...table.chains.keys()]
    }
    expect(of('reset')).not.toEqual(of('drop'))
    expect(resets({ a: { onDeny: 'reset', egress: [] } })).not.toEqual(resets({ a: { egress: [] } }))
  })
})
