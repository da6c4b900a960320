import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { printTable, type Row, writeReport } from '../bench/report.ts'
import { ciliumManifests } from './cilium.ts'
import { clusterPolicies } from './cluster-policies.ts'
import { dnsLists, dnsTraffic, generatedNames } from './inspect-dns.ts'
import { ja4 } from './inspect-ja4.ts'
import { ndpi } from './inspect-ndpi.ts'
import { zeek } from './inspect-zeek.ts'
import { analyzer } from './nca.ts'
import { connectivity } from './np-guard-connectivity.ts'
import { negativeInputs } from './np-guard-negative.ts'
import { recipes } from './recipes.ts'

/** Outside data with expected answers is read in place, never copied; without it the suites say so and skip. */
const data = process.env.SEKISHO_CONFORMANCE_DATA ?? join(import.meta.dirname, '../../shared/data')

interface Suite {
  readonly name: string
  /** Folder of the data it needs. */
  readonly needs: string
  run(folder: string, explain: (line: string) => void): readonly Row[]
}

const SUITES: readonly Suite[] = [
  { name: 'policy/np-guard-connectivity', needs: 'policy/np-guard', run: connectivity('network') },
  { name: 'policy/np-guard-admin', needs: 'policy/np-guard', run: connectivity('admin') },
  { name: 'policy/np-guard-negative', needs: 'policy/np-guard', run: negativeInputs },
  { name: 'policy/np-guard-nca-k8s', needs: 'policy/np-guard-nca', run: analyzer('k8s') },
  { name: 'policy/np-guard-nca-calico', needs: 'policy/np-guard-nca', run: analyzer('calico') },
  { name: 'policy/recipes', needs: 'policy/recipes', run: recipes },
  {
    name: 'policy/clusternetworkpolicy-examples',
    needs: 'policy/clusternetworkpolicy-examples',
    run: clusterPolicies,
  },
  { name: 'policy/cilium-manifests', needs: 'policy/cilium-manifests', run: ciliumManifests },
  { name: 'inspect/app-id-ndpi', needs: 'l7/ndpi', run: ndpi },
  { name: 'inspect/app-id-zeek', needs: 'l7/zeek', run: zeek },
  { name: 'inspect/ja4', needs: 'l7/ja4', run: ja4 },
  { name: 'inspect/dns-generated', needs: 'l7', run: generatedNames },
  { name: 'inspect/dns-traffic', needs: 'l7', run: dnsTraffic },
  { name: 'inspect/dns-lists', needs: 'l7/url-categories', run: dnsLists },
]

const wanted = process.argv.slice(2).filter(arg => !arg.startsWith('-'))
const verbose = process.argv.includes('--verbose')
const rows: Row[] = []
for (const suite of SUITES.filter(
  ({ name }) => wanted.length === 0 || wanted.some(word => name.includes(word)),
)) {
  const folder = join(data, suite.needs)
  if (!existsSync(folder)) {
    console.log(`SKIPPED ${suite.name}: ${folder} is not there (set SEKISHO_CONFORMANCE_DATA)`)
    continue
  }
  rows.push(...suite.run(folder, line => verbose && console.log(`${suite.name}: ${line}`)))
}
printTable(rows)
writeReport(join(import.meta.dirname, '../out/conformance.json'), rows)
process.exitCode = rows.some(row => row.holds === false) ? 1 : 0
