import { NETWORK_POLICIES } from '@sekisho/kube'
import { expect, test } from 'vitest'
import type { NodeName } from '../network.ts'
import { locked, type Shop, webFrom } from '../shop.ts'

export const firstPacket = (shop: Shop) =>
  test.each([
    ['IPv4', 0],
    ['IPv6', 1],
  ] as const)('a new pod has its rules before its first packet of %s', async (family, index) => {
    await using _ = await shop.has(NETWORK_POLICIES, 'locked', locked({ app: 'locked' }))
    await using __ = await shop.has(NETWORK_POLICIES, 'web', webFrom('nobody'))
    // That rule is in force: what comes next cannot pass for want of it.
    await shop.everyoneReaches(false, false)
    // Their first act is a connection; `near` takes everyone's, `web` only those of `nobody`.
    const first = (app: string, node: NodeName, to: 'near' | 'web', seconds: number) =>
      shop.finished({
        name: `${app}-${node}-${family.toLowerCase()}`,
        node,
        labels: { app },
        script: `nc -w ${seconds} ${shop.pod(to).ips[index]} 80 </dev/null`,
      })
    const [closed, far, open] = await Promise.all([
      first('locked', 'node-1', 'near', 2),
      first('locked', 'node-2', 'near', 2),
      // Only a late answer could be missed: not the first packet's verdict, which stays.
      first('nobody', 'node-1', 'web', 60),
    ])
    expect({ closed, far, open }).toEqual({ closed: 1, far: 1, open: 0 })
    for (const { plan } of shop.cluster.nodes)
      expect(shop.sekisho.status(plan.name).cni).toMatchObject({ passed: 0 })
  })
