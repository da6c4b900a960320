import { expect, test } from 'vitest'
import type { Shop } from '../shop.ts'
import { startTraffic, type Traffic } from '../traffic.ts'

const replaced = (shop: Shop, what: string, replace: (traffic: Traffic) => Promise<void>) =>
  test(`${what} replaced under traffic: nothing is cut, nothing is opened`, async () => {
    await using traffic = await startTraffic(shop)
    await traffic.goesOn()
    await replace(traffic)
    expect(traffic.faults).toEqual({ cut: 0, opened: 0 })
  })

export const replacedAgents = (shop: Shop) =>
  replaced(shop, 'agents are', async traffic => {
    for (const { plan } of shop.cluster.nodes) {
      await shop.sekisho.replaceAgent(plan.name)
      await traffic.goesOn()
    }
  })

export const replacedServer = (shop: Shop) =>
  replaced(shop, 'the server is', async traffic => {
    await shop.sekisho.replaceServer()
    await traffic.goesOn()
  })
