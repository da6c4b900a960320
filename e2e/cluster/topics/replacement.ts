import { expect, test } from 'vitest'
import type { Shop } from '../shop.ts'
import { startTraffic } from '../traffic.ts'

export const replacement = (shop: Shop) =>
  test('agents and server are replaced under traffic: nothing is cut, nothing is opened', async () => {
    await using traffic = await startTraffic(shop)
    await traffic.goesOn()
    for (const { plan } of shop.cluster.nodes) {
      await shop.sekisho.replaceAgent(plan.name)
      await traffic.goesOn()
    }
    await shop.sekisho.replaceServer()
    await traffic.goesOn()
    expect(traffic.faults).toEqual({ cut: 0, opened: 0 })
  })
