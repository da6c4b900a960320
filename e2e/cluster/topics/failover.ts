import { NETWORK_POLICIES, SECURITY_POLICIES } from '@sekisho/kube'
import { describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { kubectl, promised, words } from '../kubectl.ts'
import { locked, type Shop, webFrom } from '../shop.ts'
import { startTraffic } from '../traffic.ts'

const MISSPELT = {
  mode: 'Enforce',
  subject: { podSelector: { matchLabels: { pod: 'web' } } },
  ingress: [{ form: [{ podSelector: {} }] }],
}

export const failover = (shop: Shop) =>
  describe('of two servers the leader is killed', () => {
    test('nothing is cut, nothing is opened, and the other one leads', async () => {
      await shop.sekisho.runServers(2)
      {
        await using traffic = await startTraffic(shop)
        await traffic.goesOn()
        const killed = await shop.sekisho.killLeader()
        await traffic.goesOn()
        await eventually(async () => expect(await shop.sekisho.leader()).not.toBe(killed))
        await shop.sekisho.works()
        await traffic.goesOn()
        expect(traffic.faults).toEqual({ cut: 0, opened: 0 })
      }
      // What changes now reaches the kernels of both nodes.
      await using _ = await shop.has(NETWORK_POLICIES, 'web', webFrom('near', 'far'))
      await shop.everyoneReaches(true, true)
      await using __ = await shop.has(NETWORK_POLICIES, 'cut', locked({ pod: 'far' }))
      await shop.everyoneReaches(true, false)
    })

    test('what was written while nobody led is judged by the next one, as the README shows it', async () => {
      const { control } = shop.cluster
      await shop.sekisho.runServers(2)
      const object = { apiVersion: 'sekisho.dev/v1alpha1', kind: SECURITY_POLICIES.kind }
      const yaml = JSON.stringify({ ...object, metadata: shop.at('misspelt'), spec: MISSPELT })
      const apply = () => kubectl(control, ['apply', '--filename=-'], yaml)
      expect(apply).toThrow('spec.ingress[0].form: unknown field; did you mean "from"?')
      await shop.sekisho.killLeader()
      apply()
      await using _ = await shop.has(NETWORK_POLICIES, 'web', webFrom('far'))
      await shop.everyoneReaches(false, true)
      await eventually(() => {
        const told = kubectl(control, ['describe', 'securitypolicy', 'misspelt', '--namespace=shop'])
        const [type, reason, , ...said] = words(promised('Warning  Invalid'))
        const events = told.split('\n').map(words)
        expect(events).toContainEqual([type, reason, expect.anything(), ...said])
      })
      kubectl(control, ['delete', 'securitypolicy', 'misspelt', '--namespace=shop'])
    })
  })
