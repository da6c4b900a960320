import type { NodeName } from '@sekisho/core'
import { expect, test } from 'vitest'
import type { FlowQuery, Model, QueryEnd } from '../src/index.ts'
import { decideEnds } from '../src/model/decide.ts'
import { findEnds } from '../src/model/ends.ts'
import { modelOf, NODE, networkPolicy, workload } from './builders.ts'
import { Random } from './random.ts'

const to = (source: QueryEnd, destination: QueryEnd): FlowQuery => ({
  source,
  destination,
  protocol: 'TCP',
  port: 80,
})

function expectAsEvaluators(model: Model, query: FlowQuery): void {
  const asked = { query, ends: findEnds(model.index, query), policies: 'enforce' } as const
  expect(model.decide(query), JSON.stringify(query)).toEqual(decideEnds(model.index, asked))
}

/** Odd ones are let in, the others are called. */
const BLOCKS = Array.from({ length: 64 }, (_, at) => `2001:db8:${(0x100 + at).toString(16)}::/48`)
const policy = networkPolicy('shop/web', {
  podSelector: {},
  policyTypes: ['Ingress', 'Egress'],
  ingress: [{ from: BLOCKS.filter((_, at) => at % 2 === 1).map(cidr => ({ ipBlock: { cidr } })) }],
  egress: [{ to: BLOCKS.filter((_, at) => at % 2 === 0).map(cidr => ({ ipBlock: { cidr } })) }],
})
const WEB = workload('shop/web', '10.0.0.1 fd00::1')
const GONE = workload('shop/gone', '10.0.0.9').id
const NAMED: QueryEnd = { workload: WEB.id }

test.each<[string, (random: Random) => number]>([
  ['of many more ends than are kept', random => random.below(2 ** 16)],
  ['of ends that are written alike', () => 0x1234],
])('%s, each is answered for itself', (_, host) => {
  const random = new Random(7)
  const model = modelOf([WEB], [policy])
  const outside = (): QueryEnd => ({
    ip: random.pick(BLOCKS).replace('/48', (0x10000 + host(random)).toString(16).slice(1)),
  })
  for (let turn = 0; turn < 6000; turn++) {
    const ends = random.pick([
      () => [outside(), NAMED],
      () => [NAMED, outside()],
      () => [outside(), outside()],
    ])()
    const [source = NAMED, destination = NAMED] = ends
    expectAsEvaluators(model, to(source, destination))
  }
})

test('what was found for an end is not taken for what it is after any number of changes', () => {
  const names = Array.from({ length: 32 }, (_, at) => workload(`shop/web-${at}`, `10.0.1.${at}`))
  const model = modelOf([WEB, ...names])
  for (const { id } of names) expect(model.decide(to({ workload: id }, NAMED)).verdict).toBe('allow')
  model.update({
    policies: { set: [networkPolicy('shop/deny', { podSelector: {}, policyTypes: ['Egress'] })] },
  })
  const around = 2 ** 16
  for (let changes = 1; changes < around - names.length / 2; changes++) model.update({})
  for (const { id } of names) {
    expect(model.decide(to({ workload: id }, { ip: '203.0.113.7' })).verdict).toBe('deny')
    model.update({})
  }
})

test('a workload is itself by its name and by each of its addresses', () => {
  const model = modelOf([WEB, workload('shop/api', '10.0.0.2')], [policy])
  const own: readonly QueryEnd[] = [
    NAMED,
    { ip: '10.0.0.1' },
    { ip: 'fd00::1' },
    { ...NAMED, ip: '10.0.0.1' },
  ]
  for (const source of own) {
    for (const destination of own) expect(model.decide(to(source, destination)).why).toBe('self')
    expect(model.decide(to(source, { ip: '10.0.0.2' })).verdict).toBe('deny')
  }
  for (const nobody of [{}, { workload: GONE }]) {
    expect(model.decide(to(nobody, nobody)).why).toBe('not-selected')
  }
})

test('probes come from the own node, whether one or two nodes have its address', () => {
  const other = 'node-b' as NodeName
  const model = modelOf([WEB, workload('shop/api', '10.0.0.2', { node: other })], [policy])
  const addresses = ['192.168.0.1', '192.168.0.2']
  const why = (from: string, at: string) => model.decide(to({ ip: from }, { ip: at })).why
  model.update({ nodes: { set: [{ name: NODE, addresses }] } })
  expect(why('192.168.0.1', '10.0.0.1')).toBe('own-node')
  expect(why('192.168.0.1', '10.0.0.2')).toBe('isolated')
  expect(why('192.168.0.1', '192.168.0.2')).toBe('not-selected')
  model.update({ nodes: { set: [{ name: other, addresses }] } })
  expect(why('192.168.0.1', '10.0.0.1')).toBe('own-node')
  expect(why('192.168.0.1', '10.0.0.2')).toBe('own-node')
  model.update({ nodes: { removed: [NODE] } })
  expect(why('192.168.0.1', '10.0.0.1')).toBe('isolated')
  expect(why('192.168.0.1', '10.0.0.2')).toBe('own-node')
})
