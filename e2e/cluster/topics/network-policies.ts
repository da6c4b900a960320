import { NETWORK_POLICIES } from '@sekisho/kube'
import { describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { NODE_PLANS } from '../network.ts'
import { reaches } from '../pods.ts'
import { type Shop, webFrom } from '../shop.ts'

export const networkPolicies = (shop: Shop) =>
  describe('NetworkPolicies', () => {
    test('hold on one node, across two, and for Services', async () => {
      const allow = (app: string) => shop.has(NETWORK_POLICIES, 'web', webFrom(app))
      await using _ = await allow('near')
      await shop.everyoneReaches(true, false)
      await allow('far')
      await shop.everyoneReaches(false, true)
      await allow('nobody')
      await shop.everyoneReaches(false, false)
      await using __ = await shop.renamed('far', 'nobody')
      await shop.everyoneReaches(false, true)
    })

    test.each(['IPv4', 'IPv6'])(
      'a network of %s addresses says nothing of the other family',
      async family => {
        const mine = family === 'IPv4' ? 0 : 1
        const cidr = NODE_PLANS[1]?.pods[mine] ?? ''
        await using _ = await shop.has(NETWORK_POLICIES, 'web', {
          podSelector: { matchLabels: { pod: 'web' } },
          ingress: [{ from: [{ ipBlock: { cidr } }] }],
        })
        await eventually(async () => {
          const all = (['near', 'far'] as const).flatMap(name =>
            shop.pod('web').ips.map(ip => reaches(shop.pod(name), ip)),
          )
          const far = [mine === 0, mine === 1]
          expect(await Promise.all(all)).toEqual([false, false, ...far])
        })
      },
    )
  })
