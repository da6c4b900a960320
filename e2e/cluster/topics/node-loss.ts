import { NETWORK_POLICIES } from '@sekisho/kube'
import { expect, test } from 'vitest'
import { isReady } from '../cluster.ts'
import { eventually } from '../eventually.ts'
import { reaches } from '../pods.ts'
import { HERE, run } from '../programs.ts'
import { locked, type Shop, webFrom } from '../shop.ts'

export const nodeLoss = (shop: Shop) =>
  test('a node is lost and comes back: the other goes on, and it catches up', async () => {
    const [, v6] = shop.pod('web').ips
    const lost = (isLost: boolean) => {
      run(HERE, ['ip', 'link', 'set', 'node-2', isLost ? 'down' : 'up'])
      return eventually(() => expect(isReady(shop.cluster.client, 'node-2')).resolves.toBe(!isLost))
    }
    await using _ = await shop.has(NETWORK_POLICIES, 'web', webFrom('nobody'))
    await shop.everyoneReaches(false, false)
    await lost(true)
    await using __ = await shop.renamed('near', 'nobody')
    await eventually(async () => expect(await reaches(shop.pod('near'), v6)).toBe(true))
    await using ___ = await shop.renamed('far', 'nobody')
    const cut = await shop.has(NETWORK_POLICIES, 'cut', locked({ pod: 'far' }))
    await lost(false)
    await eventually(() => {
      // From here, which shows that the wire is up.
      run(HERE, ['busybox', 'nc', '-w', '2', shop.pod('far').ips[0], '80'])
      expect(shop.sekisho.status('node-2').server.connected).toBe(true)
    })
    await shop.everyoneReaches(true, false)
    await cut[Symbol.asyncDispose]()
    await shop.everyoneReaches(true, true)
  })
