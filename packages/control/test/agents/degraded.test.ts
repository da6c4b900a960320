import type { EpochMs, NodeName } from '@sekisho/core'
import { createModel } from '@sekisho/policy'
import { expect, test } from 'vitest'
import { degradedNodes } from '../../src/agents/degraded.ts'
import { workload } from '../cluster/workloads.ts'
import { status } from '../insight/world.ts'

const agent = (name: string, ...degraded: readonly string[]) => {
  const node = name as NodeName
  const joined = { joinedAt: 0 as EpochMs, lastSeen: undefined }
  return { node, publicKey: '', certificateSerial: '', ...joined, status: { ...status, node, degraded } }
}

test('nodes of the cluster are told of: those with pods, whose agents cannot do something', () => {
  const model = createModel()
  const at = (node: string, kind: 'pod' | 'host') => workload(`shop/on-${node}`, [], { node, kind })
  model.update({
    workloads: { set: [at('blind', 'pod'), at('able', 'pod'), at('machine', 'host')] },
  })
  const all = [agent('blind', 'No br_netfilter.'), agent('able'), agent('machine', 'No br_netfilter.')]
  const silent = { ...agent('new'), status: undefined }
  const found = degradedNodes({ agents: { list: () => [...all, silent] } }, { model })
  expect(found).toEqual(new Map([['blind', ['No br_netfilter.']]]))
})
