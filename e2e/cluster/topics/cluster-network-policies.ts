import { CLUSTER_NETWORK_POLICIES, NETWORK_POLICIES } from '@sekisho/kube'
import { describe, test } from 'vitest'
import { type Shop, webFrom } from '../shop.ts'

const inShop = { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } }
const pods = (labels: Readonly<Record<string, string>>) => ({
  pods: { namespaceSelector: inShop, podSelector: { matchLabels: labels } },
})

const tier = (name: 'Admin' | 'Baseline', action: 'Accept' | 'Deny' | 'Pass', app: string) => ({
  tier: name,
  priority: 10,
  subject: pods({ pod: 'web' }),
  ingress: [{ action, from: [pods({ app })] }],
})

export const clusterNetworkPolicies = (shop: Shop) =>
  describe('ClusterNetworkPolicies', () => {
    const admin = (...rule: readonly ['Accept' | 'Deny' | 'Pass', string]) =>
      shop.has(CLUSTER_NETWORK_POLICIES, 'admin', tier('Admin', ...rule))
    const own = (app: string) => shop.has(NETWORK_POLICIES, 'web', webFrom(app))

    test('of administrators come before what the namespace says', async () => {
      await using _ = await admin('Deny', 'near')
      await shop.everyoneReaches(false, true)
      await using __ = await own('near')
      await shop.everyoneReaches(false, false)
      await admin('Accept', 'far')
      await shop.everyoneReaches(true, true)
      await admin('Pass', 'far')
      await shop.everyoneReaches(true, false)
    })

    test('of the baseline come after it', async () => {
      await using _ = await shop.has(CLUSTER_NETWORK_POLICIES, 'baseline', tier('Baseline', 'Deny', 'near'))
      await shop.everyoneReaches(false, true)
      {
        await using _ = await own('near')
        await shop.everyoneReaches(true, false)
      }
      await shop.everyoneReaches(false, true)
    })
  })
