import { dataplaneChanges } from './dataplane-changes.ts'
import { dataplaneTraffic } from './dataplane-traffic.ts'
import type { Suite } from './report.ts'

/** Policies in the cluster, of 5,000 workloads with 120 of them on the measured node. */
export const SIZES = [10, 1_000, 10_000] as const

export const dataplane: Suite = {
  name: 'dataplane',
  async run(progress) {
    if (process.getuid?.() !== 0) {
      progress('skipped: needs root for network namespaces')
      return []
    }
    const rows = []
    for (const size of SIZES) {
      progress(`${size} policies: changes`)
      rows.push(...(await dataplaneChanges(size)))
      progress(`${size} policies: traffic`)
      rows.push(...(await dataplaneTraffic(size, progress)))
    }
    return rows
  },
}
