import { fail, formatIp, ok, type Result } from '@sekisho/core'
import type { QueryEnd } from '../decision.ts'
import { parseEnd } from '../expect/sentence.ts'
import type { Model } from '../model/model.ts'
import { compileWorkloadSet } from '../prove/ends.ts'

/** One end of a flow as people write it: an address, or a workload or its owner, of which any one stands for all. */
export function findEnd(model: Model, written: string): Result<QueryEnd, string> {
  const end = parseEnd(written)
  if (!end.ok) return end
  const set = end.value
  const [range] = set.kind === 'addresses' ? set.ranges : []
  if (range) return ok({ ip: formatIp({ family: range.family, value: range.first }) })
  if (set.kind !== 'workloads') return fail(`name one workload or address, not "${written}"`)
  const matches = compileWorkloadSet(set)
  for (const workload of model.workloads.values()) {
    if (matches(workload, model.namespaces.get(workload.namespace))) return ok({ workload: workload.id })
  }
  return fail(`there is no workload ${written}`)
}
