import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from './eventually.ts'
import { Shop } from './shop.ts'
import { clusterNetworkPolicies } from './topics/cluster-network-policies.ts'
import { failover } from './topics/failover.ts'
import { figures } from './topics/figures.ts'
import { firstPacket } from './topics/first-packet.ts'
import { networkPolicies } from './topics/network-policies.ts'
import { nodeLoss } from './topics/node-loss.ts'
import { removal } from './topics/removal.ts'
import { replacedAgents, replacedServer } from './topics/replacement.ts'
import { told } from './topics/told.ts'

/** One cluster for all of them, since making one takes longer than most; each can be run alone (`TEST_ARGS='-t leader'`). */
describe('a cluster of two nodes', () => {
  const shop = new Shop()
  const measured = figures(shop)

  beforeAll(() => shop.open())
  afterAll(() => shop[Symbol.asyncDispose]())

  test('pods reach each other on one node and across two, and by a Service, by IPv4 and IPv6', () =>
    shop.everyoneReaches(true, true))
  measured.without()

  describe('with Sekisho', () => {
    beforeAll(() => shop.install())

    test('the chart installs a server, and an agent on each node', async () => {
      await eventually(() => {
        for (const { plan } of shop.cluster.nodes) expect(shop.sekisho.status(plan.name).degraded).toEqual([])
      })
      await shop.everyoneReaches(true, true)
    })
    networkPolicies(shop)
    clusterNetworkPolicies(shop)
    firstPacket(shop)
    measured.with()
    nodeLoss(shop)
    replacedAgents(shop)
    // Late, since reports are written five minutes after the server began; before it is replaced.
    told(shop)
    replacedServer(shop)
    failover(shop)
    removal(shop)
  })
})
