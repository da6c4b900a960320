import { readFileSync } from 'node:fs'
import { NETWORK_POLICIES } from '@sekisho/kube'
import { expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { run } from '../programs.ts'
import { locked, type Shop } from '../shop.ts'

export const removal = (shop: Shop) =>
  test('what it did to the nodes is undone', async () => {
    await using _ = await shop.has(NETWORK_POLICIES, 'locked', locked({ app: 'locked' }))
    shop.sekisho.remove()
    await eventually(() => {
      for (const node of shop.cluster.nodes) {
        expect(readFileSync(node.path('/etc/cni/net.d/10-pods.conflist'), 'utf8')).not.toContain('sekisho')
        expect(run(node.place, ['nft', 'list', 'tables'])).not.toContain('sekisho')
      }
    })
    const script = `nc -w 60 ${shop.pod('web').ips[0]} 80 </dev/null`
    expect(await shop.finished({ name: 'free', node: 'node-2', labels: { app: 'locked' }, script })).toBe(0)
  })
