import { describe, expect, test } from 'vitest'
import { createTableCompiler, explain, explainSentences, type FlowQuery } from '../src/index.ts'
import { modelOf, NODE, networkPolicy, workload } from './builders.ts'

const OFF = { protection: 'off' } as const
const [WEB, API] = [workload('shop/web', '10.0.0.1'), workload('shop/api', '10.0.0.2')]
const DENY_ALL = networkPolicy('shop/deny-all', { policyTypes: ['Ingress', 'Egress'] })
const query: FlowQuery = {
  source: { ip: '10.0.0.1' },
  destination: { ip: '10.0.0.2' },
  protocol: 'TCP',
  port: 80,
}

describe('a workload of which protection is switched off', () => {
  test('is asked for nothing, and still denied by those that are protected', () => {
    const { egress, ingress, verdict } = modelOf([{ ...WEB, ...OFF }, API], [DENY_ALL]).decide(query)
    expect([egress.why, ingress.why, verdict]).toEqual(['not-selected', 'isolated', 'deny'])
  })

  test('is a peer like any other', () => {
    const open = networkPolicy('shop/open', {
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }] }],
    })
    const model = modelOf([{ ...WEB, ...OFF }, API], [open])
    expect(model.decide(query)).toMatchObject({ verdict: 'allow', why: 'rule-allow' })
  })

  test('has no chains on its node, and what is said of its addresses holds', () => {
    const { table } = createTableCompiler(modelOf([{ ...WEB, ...OFF }, API], [DENY_ALL]), {
      name: NODE,
      addresses: [],
    })
    expect(table.attachments.get(WEB.id)).toMatchObject({ addresses: ['10.0.0.1'], enforce: {}, audit: {} })
    expect(table.attachments.get(API.id)?.enforce).toHaveProperty('ingress')
  })

  test('follows what is said of it now, beside another of the same labels', () => {
    const model = modelOf([WEB, workload('shop/twin', '10.0.0.3', { labels: WEB.labels }), API], [DENY_ALL])
    const asked = () =>
      [WEB.id, 'pod:shop/twin' as const].map(id => model.selecting(id as typeof WEB.id).length)
    expect(asked()).toEqual([1, 1])
    model.update({ workloads: { set: [{ ...WEB, ...OFF }] } })
    expect(asked()).toEqual([0, 1])
    expect(model.decide(query).egress.why).toBe('not-selected')
    model.update({ workloads: { set: [WEB] } })
    expect(asked()).toEqual([1, 1])
    expect(model.decide(query).egress.why).toBe('isolated')
  })

  test('why it passes is said', () => {
    const explanation = explain(
      modelOf(
        [WEB, API].map(each => ({ ...each, ...OFF })),
        [DENY_ALL],
      ),
      query,
    )
    expect(explanation.considered.map(({ direction, outcome }) => [direction, outcome])).toEqual([
      ['egress', 'switched-off'],
      ['ingress', 'switched-off'],
    ])
    const said =
      'Protection is switched off for shop/web (10.0.0.1): the policies that select it are not enforced.'
    expect(explainSentences(explanation, 'en')).toContain(said)
  })
})
