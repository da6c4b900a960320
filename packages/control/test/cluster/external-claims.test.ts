import type { Workload } from '@sekisho/core'
import { createModel } from '@sekisho/policy'
import { expect, test } from 'vitest'
import { type Claim, othersIn, settleClaims } from '../../src/cluster/external-claims.ts'
import { workload } from './workloads.ts'

const external = (name: string, addresses: readonly string[], node = ''): Workload =>
  workload(`shop/${name}`, addresses, { kind: 'external', node })
const claim = (of: Workload, created = '2026-01-01T00:00:00Z'): Claim => ({ workload: of, created })

const POD = workload('shop/web', ['10.0.0.1'], { node: 'node-1' })
const KUBELET = workload('kube-system/proxy', ['192.168.0.1'], { hostNetwork: true, node: 'node-1' })
const SERVICE = workload('systemd/sshd', ['10.20.0.7'], { kind: 'service', hostNetwork: true, node: 'vm-1' })

const LATER = '2026-02-01T00:00:00Z'
test.each<[string, readonly Claim[], Readonly<Record<string, readonly [string, string, readonly string[]]>>]>(
  [
    [
      'what is its own counts',
      [claim(external('db', ['10.20.0.7', '2001:db8::7'], 'vm-1'))],
      { db: ['10.20.0.7,2001:db8::7', 'vm-1', []] },
    ],
    [
      'the address of a pod',
      [claim(external('db', ['10.0.0.1', '10.20.0.8']))],
      { db: ['10.20.0.8', '', ['10.0.0.1 is of pod shop/web']] },
    ],
    [
      'the address of a node',
      [claim(external('db', ['192.168.0.1']))],
      { db: ['', '', ['192.168.0.1 is of node node-1']] },
    ],
    [
      'the address of another’s machine',
      [claim(external('db', ['10.20.0.7'], 'vm-2'))],
      { db: ['', 'vm-2', ['10.20.0.7 is of node vm-1']] },
    ],
    [
      'a node of the cluster',
      [claim(external('db', ['10.20.0.8'], 'node-1'))],
      { db: ['10.20.0.8', '', ['node-1 is of the cluster itself']] },
    ],
    [
      'two of one address: the older keeps it',
      [claim(external('a', ['10.20.0.8']), LATER), claim(external('b', ['10.20.0.8']))],
      { a: ['', '', ['10.20.0.8 is of ExternalWorkload shop/b']], b: ['10.20.0.8', '', []] },
    ],
    [
      'two of one age: the names decide',
      [claim(external('b', ['10.20.0.8'])), claim(external('a', ['10.20.0.8']))],
      { a: ['10.20.0.8', '', []], b: ['', '', ['10.20.0.8 is of ExternalWorkload shop/a']] },
    ],
    [
      'two of one node',
      [claim(external('a', ['10.20.0.8'], 'vm-1')), claim(external('b', ['10.20.0.9'], 'vm-1'), LATER)],
      {
        a: ['10.20.0.8', 'vm-1', []],
        b: ['10.20.0.9', '', ['vm-1 is of ExternalWorkload shop/a']],
      },
    ],
  ],
)('%s', (_, claims, expected) => {
  const model = createModel()
  model.update({ workloads: { set: [POD, KUBELET, SERVICE, ...claims.map(each => each.workload)] } })
  const nodes = new Set(claims.map(each => each.workload.node))
  const settled = settleClaims(claims, othersIn(model, nodes))
  const seen = [...settled.values()].map(({ workload: { name, addresses, node }, conflicts }) => [
    name,
    [addresses.join(), node, conflicts],
  ])
  expect(Object.fromEntries(seen)).toEqual(expected)
})
