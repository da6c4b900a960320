import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createModel } from '../src/index.ts'
import { ClusterSource, RICH } from './cluster.ts'

test('a policy selects the workloads of which it is said that it selects them', () => {
  const property = fc.property(fc.integer({ min: 0, max: 2 ** 31 }), seed => {
    const { namespaces, nodes, workloads, policies } = new ClusterSource(seed, RICH).cluster()
    const model = createModel()
    model.update({
      namespaces: { set: namespaces },
      nodes: { set: nodes },
      workloads: { set: workloads },
      policies: { set: policies },
    })
    model.update({ workloads: { removed: [...model.workloads.keys()].slice(0, 2) } })
    for (const { id } of policies) {
      const selected = model.selected(id).map(workload => workload.id)
      const selecting = [...model.workloads.keys()].filter(workload =>
        model.selecting(workload).some(({ policy }) => policy.id === id),
      )
      expect(selected.toSorted()).toEqual(selecting.toSorted())
    }
    expect(policies.some(({ id }) => model.selected(id).length > 0)).toBe(true)
  })
  fc.assert(property, { numRuns: 50 })
})
