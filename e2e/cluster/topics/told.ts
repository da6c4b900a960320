import { OPEN_REPORTS, POLICY_REPORTS, SECURITY_POLICIES } from '@sekisho/kube'
import { describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { kubectl, promised, words } from '../kubectl.ts'
import { reaches } from '../pods.ts'
import { run } from '../programs.ts'
import type { Shop } from '../shop.ts'

/** Findings are looked for so often. */
const LOOK_MS = 300_000

const API = {
  mode: 'Enforce',
  subject: { podSelector: { matchExpressions: [{ key: 'pod', operator: 'In', values: ['near', 'far'] }] } },
  ingress: [{ from: [{ podSelector: { matchLabels: { app: 'nobody' } } }] }],
}

export const told = (shop: Shop) =>
  describe('people are told', () => {
    test('what became of policies, as the README shows it, and what they denied', async () => {
      await using _ = await shop.has(SECURITY_POLICIES, 'api', API)
      await eventually(async () => {
        const { ips } = shop.pod('far')
        expect(await Promise.all(ips.map(ip => reaches(shop.pod('web'), ip)))).toEqual([false, false])
        const get = ['get', 'securitypolicies', '--output=wide', '--namespace=shop']
        const [header = '', row = ''] = kubectl(shop.cluster.control, get).split('\n')
        expect(words(header)).toEqual(words(promised('NAME ')))
        const [name, mode, workloads, rules, denied, ...conditions] = words(row)
        expect([name, mode, workloads, rules]).toEqual(['api', 'Enforce', '2', '1'])
        expect(Number(denied)).toBeGreaterThan(0)
        expect(conditions.slice(0, 4)).toEqual(['True', 'True', 'True', '2'])
      })
      await eventually(async () => {
        for (const type of [POLICY_REPORTS, OPEN_REPORTS]) {
          const { json } = await shop.objects(type).get(shop.at('sekisho'))
          expect(json.results).toContainEqual(
            expect.objectContaining({
              source: 'sekisho',
              category: 'denied-connection',
              policy: 'SecurityPolicy/shop/api',
              result: 'fail',
              resources: [expect.objectContaining({ kind: 'Pod', namespace: 'shop', name: 'far' })],
            }),
          )
        }
      }, 2 * LOOK_MS)
    })

    test('what a node cannot do, beside the node, until it can', async () => {
      const { place } = shop.cluster.node('node-2')
      const call = (value: 0 | 1) =>
        run(place, ['sh', '-c', `echo ${value} >/proc/sys/net/bridge/bridge-nf-call-ip6tables`])
      const reason = 'load br_netfilter and set net.bridge.bridge-nf-call-ip6tables=1.'
      call(0)
      await eventually(() => {
        const node = kubectl(shop.cluster.control, ['describe', 'node', 'node-2'])
        expect(node).toMatch(/Warning +Degraded /)
        expect(node).toContain(reason)
      })
      call(1)
      await eventually(() => expect(shop.sekisho.status('node-2').degraded).toEqual([]))
    })
  })
