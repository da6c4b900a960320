import { dataplaneChanges } from './dataplane-changes.ts'
import { dataplaneTraffic } from './dataplane-traffic.ts'
import type { Row, Suite } from './report.ts'

/** Policies in the cluster, of 5,000 workloads with 120 of them on the measured node. */
export const SIZES = [10, 1_000, 10_000] as const

type Measure = (size: number, progress: (line: string) => void) => Promise<Row[]>

const suite = (name: string, measure: Measure): Suite => ({
  name,
  async run(progress) {
    if (process.getuid?.() !== 0) {
      progress('skipped: needs root for network namespaces')
      return []
    }
    const rows: Row[] = []
    for (const size of SIZES) {
      progress(`${size} policies`)
      rows.push(...(await measure(size, progress)))
    }
    return rows
  },
})

/** `dataplane` names both, `dataplane/changes` the half minute that needs no traffic. */
export const dataplane: readonly Suite[] = [
  suite('dataplane/changes', dataplaneChanges),
  suite('dataplane/traffic', dataplaneTraffic),
]
