import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { barred, type Row } from '../bench/report.ts'
import { field, textField } from './manifests.ts'
import { Models } from './nca-compare.ts'
import { type Config, readConfig, readScheme, type Scheme } from './nca-config.ts'
import { QUERIES, QueryContext, type Wanted } from './nca-queries.ts'
import { Unsupported } from './nca-topology.ts'

/** Scores of one query kind. `beyond` are out of scope, `refused` in scope and not answered, both by reason. */
interface Tally {
  equal: number
  total: number
  readonly beyond: Map<string, number>
  readonly refused: Map<string, number>
}

const KIND_NAMES: Readonly<Record<string, string>> = {
  K8sNetworkPolicy: 'NetworkPolicy',
  CalicoNetworkPolicy: 'NetworkPolicy',
  CalicoGlobalNetworkPolicy: 'GlobalNetworkPolicy',
}
const API_OF: Readonly<Record<string, string>> = { K8sNetworkPolicy: 'k8s.io', CalicoNetworkPolicy: 'calico' }

/** `set`, `set/namespace/policy` or `set/kind/namespace/policy`. */
function findConfig(configs: ReadonlyMap<string, Config | Unsupported>, reference: string): Config {
  const [set = '', ...rest] = reference.split('/')
  const config = configs.get(set)
  if (config instanceof Unsupported) throw config
  if (!config) throw new Unsupported('a configuration that is not there')
  if (rest.length === 0) return config
  const name = rest.at(-1)
  const space = rest.at(-2) ?? ''
  const [written = ''] = rest
  const kind = rest.length === 3 ? KIND_NAMES[written] : undefined
  const policies = config.policies.filter(
    policy =>
      textField(policy, 'metadata', 'name') === name &&
      (kind === undefined || textField(policy, 'kind') === kind) &&
      (kind === undefined || textField(policy, 'apiVersion').includes(API_OF[written] ?? '')) &&
      [textField(policy, 'metadata', 'namespace'), space].every(
        (one, _, [own]) => one === own || one === '' || one === '_global',
      ),
  )
  if (policies.length === 0) throw new Unsupported('a policy that is not there')
  return { ...config, name: reference, policies }
}

function readConfigs(scheme: Scheme): Map<string, Config | Unsupported> {
  const list = scheme.json.networkConfigList
  const configs = new Map<string, Config | Unsupported>()
  for (const own of Array.isArray(list) ? (list as unknown[]) : []) {
    try {
      configs.set(textField(own, 'name'), readConfig(scheme, own))
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error
      configs.set(textField(own, 'name'), error)
    }
  }
  return configs
}

const count = (reasons: Map<string, number>, name: string): void => {
  reasons.set(name, (reasons.get(name) ?? 0) + 1)
}

/**
 * Out of scope: gateways and meshes; resources of somebody's cluster; what an API server refuses; Calico's profiles,
 * which nobody can write where Calico runs on Kubernetes; and source ports and ICMP codes, which no policy here is about.
 */
const BEYOND = [
  /^(?:Ingress|AuthorizationPolicy|Sidecar|Gateway|VirtualService|Profile|except|code)\b/,
  /^(?:resources|no map|a configuration that is not|a policy that is not|a topology without peers)/,
  /source ports are never matched$/,
]

interface Asked {
  readonly name: string
  readonly kind: string
  readonly expected: unknown
  answer(): number
}

function wantedOf({ folder }: Scheme, query: unknown): Wanted {
  const file = join(folder, textField(query, 'expectedOutput'))
  return {
    byPod: textField(query, 'outputConfiguration', 'outputEndpoints') === 'pods',
    drawn: file.endsWith('.txt') && existsSync(file) ? readFileSync(file, 'utf8') : undefined,
  }
}

function* queriesOf(path: string): Generator<Asked> {
  const scheme = readScheme(path)
  const configs = readConfigs(scheme)
  const models = new Models()
  const queries = Array.isArray(scheme.json.queries) ? (scheme.json.queries as unknown[]) : []
  for (const query of queries) {
    const context = new QueryContext(models, wantedOf(scheme, query))
    for (const [kind, references] of Object.entries(query as object)) {
      if (!Array.isArray(references)) continue
      const name = `${path.split('/').at(-1)} ${textField(query, 'name')} (${kind})`
      const answer = (): number => {
        const ask = QUERIES[kind]
        if (!ask) throw new Unsupported('a kind that is not known')
        return ask(
          references.map(reference => findConfig(configs, String(reference))),
          context,
        )
      }
      // Of a map the analyzer says only what is in the file.
      yield { name, kind, expected: kind === 'connectivityMap' ? 0 : field(query, 'expected'), answer }
    }
  }
}

function ask({ name, expected, answer }: Asked, tally: Tally, explain: (line: string) => void): void {
  if (typeof expected !== 'number') {
    count(tally.beyond, 'no number is expected')
    return
  }
  try {
    const answered = answer()
    tally.total++
    if (answered === expected) tally.equal++
    else explain(`${name}: expected ${expected}, answered ${answered}`)
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error
    explain(`${name}: NOT ANSWERED, ${error.message}`)
    if (BEYOND.some(each => each.test(error.message))) count(tally.beyond, error.message)
    else {
      tally.total++
      count(tally.refused, error.message)
    }
  }
}

/** Queries of network-config-analyzer's schemes, compared with its numbers; each kind by itself, and all. */
export const analyzer =
  (part: 'k8s' | 'calico') =>
  (folder: string, explain: (line: string) => void): Row[] => {
    const root = join(folder, 'tests', `${part}_testcases`)
    const schemes = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter(name => /scheme[^/]*\.yaml$/i.test(name))
      .toSorted()
    const tallies = new Map<string, Tally>()
    for (const asked of schemes.flatMap(scheme => [...queriesOf(join(root, scheme))])) {
      const tally = tallies.get(asked.kind) ?? { equal: 0, total: 0, beyond: new Map(), refused: new Map() }
      tallies.set(asked.kind, tally)
      ask(asked, tally, explain)
    }
    return rowsOf(`policy/np-guard-nca-${part}`, tallies)
  }

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, number) => total + number, 0)

/** A kind that is not known is named once. */
const shortened = (reason: string): string => reason.replace(/^(\w+): \1 of .*$/, '$1').slice(0, 72)

function reasonRows(suite: string, title: string, maps: readonly ReadonlyMap<string, number>[]): Row[] {
  const counts = new Map<string, number>()
  for (const [reason, number] of maps.flatMap(map => [...map])) {
    const name = shortened(reason)
    counts.set(name, (counts.get(name) ?? 0) + number)
  }
  return [...counts].map(([reason, value]) => ({
    suite,
    measure: `${title}: ${reason}`,
    value,
    unit: 'queries',
  }))
}

function rowsOf(suite: string, tallies: ReadonlyMap<string, Tally>): Row[] {
  const all = [...tallies.values()]
  const [equal, total] = [sum(all.map(each => each.equal)), sum(all.map(each => each.total))]
  const measure = `answers equal (${equal} of ${total} in scope)`
  const kinds = [...tallies].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return [
    barred({ suite, measure, value: equal / total, unit: '' }, '≥', 0.95),
    ...kinds
      .filter(([, each]) => each.total > 0)
      .map(([kind, each]) => ({
        suite,
        measure: `${kind} (${each.equal} of ${each.total})`,
        value: each.equal / each.total,
        unit: '',
      })),
    ...reasonRows(
      suite,
      'not answered',
      all.map(({ refused }) => refused),
    ),
    ...reasonRows(
      suite,
      'out of scope',
      all.map(({ beyond }) => beyond),
    ),
  ]
}
