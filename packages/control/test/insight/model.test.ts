import { LIMITS, type WorkloadId } from '@sekisho/core'
import { createModel, validatePolicy } from '@sekisho/policy'
import { expect, test, vi } from 'vitest'
import { createAnswers } from '../../src/insight/insight.ts'
import { modelView } from '../../src/insight/model.ts'
import { modelView as schema } from '../../src/schema/model.ts'
import { NODE, protectDb, SHOP, status, world } from './world.ts'

test('an engine elsewhere judges by it as the one here does', () => {
  using here = world()
  here.join()
  here.report({ workloads: SHOP, status: { ...status, addresses: ['192.0.2.10'] } })
  here.apply(protectDb('Enforce'))
  const { store, clock } = here.ports
  const asked = { question: { kind: 'model' }, now: clock.now(), connected: [NODE], revision: 0 } as const
  const view = schema.parse(createAnswers(store)(asked))
  expect(view.nodes).toEqual([{ name: NODE, addresses: ['192.0.2.10'] }])
  expect(new Set(view.workloads.map(({ id }) => id))).toEqual(new Set(SHOP.map(({ id }) => id)))
  const [policy] = view.policies.map(json => validatePolicy(JSON.parse(json)))
  expect(policy?.ok && policy.value.id).toBe('SecurityPolicy/shop/db')
})

test('a cluster that is too large for a page is refused', () => {
  const model = createModel()
  const workloads = new Map([['a' as WorkloadId, expect.anything()]])
  vi.spyOn(workloads, 'size', 'get').mockReturnValue(LIMITS.modelItems.value + 1)
  expect(() => modelView({ ...model, workloads })).toThrow('larger than the limit')
})
