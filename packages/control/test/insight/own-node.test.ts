import { expect, test } from 'vitest'
import { createAnswers, type Question } from '../../src/insight/insight.ts'
import { NODE, protectDb, SHOP, status, world } from './world.ts'

/** The kubelet of a workload's own node always reaches it; only the node's agent knows which addresses are its own. */
test.each([
  { addresses: ['192.0.2.10'], why: 'own-node', outcome: 'allowed' },
  { addresses: [], why: 'isolated', outcome: 'denied' },
])('a probe from 192.0.2.10 where the node has $addresses is $outcome', ({ addresses, why, outcome }) => {
  using here = world()
  here.join()
  here.report({ workloads: SHOP, status: { ...status, addresses } })
  here.apply(protectDb('Enforce'))
  const question: Question = {
    kind: 'explain',
    source: '192.0.2.10',
    destination: 'shop/db',
    port: 5432,
    protocol: 'TCP',
  }
  const { store, clock } = here.ports
  const asked = { question, now: clock.now(), connected: [NODE], revision: 0 }
  expect(createAnswers(store)(asked)).toMatchObject({ why, outcome })
})
