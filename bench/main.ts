import { join } from 'node:path'
import { agentMemory } from './agent-memory.ts'
import { clusterLoad } from './cluster-load.ts'
import { consoleMap } from './console-map.ts'
import { dataplane } from './dataplane.ts'
import { inspect } from './inspect.ts'
import { inspectDns } from './inspect-dns.ts'
import { nodeState } from './node-state.ts'
import { podStart } from './pod-start.ts'
import { policy } from './policy.ts'
import { printTable, type Row, type Suite, writeReport } from './report.ts'
import { requests } from './requests.ts'
import { store } from './store.ts'

/** Every suite, in the order in which they run. */
const SUITES: readonly Suite[] = [
  policy,
  inspect,
  inspectDns,
  requests,
  ...dataplane,
  store,
  nodeState,
  clusterLoad,
  agentMemory,
  podStart,
  consoleMap,
]

const wanted = process.argv.slice(2)
const chosen = SUITES.filter(({ name }) => wanted.length === 0 || wanted.some(word => name.startsWith(word)))
if (chosen.length === 0) {
  console.error(`no such suite; there are: ${SUITES.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const rows: Row[] = []
for (const suite of chosen) rows.push(...(await suite.run(line => console.error(`${suite.name}: ${line}`))))
printTable(rows)
writeReport(join(import.meta.dirname, '../out/bench.json'), rows)
process.exitCode = rows.some(row => row.holds === false) ? 1 : 0
