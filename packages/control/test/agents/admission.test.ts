import type { Batch, NodeName, Workload } from '@sekisho/core'
import { createModel } from '@sekisho/policy'
import { expect, test } from 'vitest'
import { createAdmission } from '../../src/agents/admission.ts'
import { workload } from '../cluster/workloads.ts'

const DECLARED = workload('shop/db', ['203.0.113.9'], { kind: 'external' })
const MACHINE = workload('shop/vm', ['10.20.0.7'], { kind: 'external', node: 'vm-1' })
const of = (node: string, more: Partial<Omit<Workload, 'node'>>) =>
  workload('local/x', ['203.0.113.9', '10.20.0.7'], { kind: 'container', node, ...more })

test.each<[string, string, Workload, readonly string[] | undefined]>([
  ['a container has no address of a machine', 'vm-2', of('vm-2', {}), []],
  ['nor of one elsewhere, on a machine itself', 'vm-1', of('vm-1', {}), ['10.20.0.7']],
  [
    'services have the addresses of their machine, whatever was declared of it',
    'vm-2',
    of('vm-2', { kind: 'service', hostNetwork: true }),
    ['203.0.113.9', '10.20.0.7'],
  ],
  [
    'nobody takes a machine’s name',
    'vm-2',
    workload('shop/db', [], { kind: 'external', node: 'vm-2' }),
    undefined,
  ],
])('%s', (_, node, reported, expected) => {
  const model = createModel()
  model.update({ workloads: { set: [DECLARED, MACHINE] } })
  const admission = createAdmission({
    owner: id => model.workloads.get(id),
    workloadAt: ip => model.workloadAt(ip),
    alive: () => false,
  })
  const name = node as NodeName
  const batch: Batch = { node: name, epoch: 'e', sequence: 1, flows: [], events: [], workloads: [reported] }
  expect(admission.admit(batch, name).batch.workloads?.[0]?.addresses).toEqual(expected)
})
