import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { barred, type Row } from '../bench/report.ts'
import { field, textField } from './manifests.ts'
import { type Config, cells, readConfig, readScheme, type Scheme, Unsupported } from './nca-config.ts'
import { QUERIES, type QueryContext } from './nca-queries.ts'

interface Tally {
  equal: number
  total: number
  readonly unsupported: Map<string, number>
}

const KIND_NAMES: Readonly<Record<string, string>> = {
  K8sNetworkPolicy: 'NetworkPolicy',
  CalicoNetworkPolicy: 'NetworkPolicy',
  CalicoGlobalNetworkPolicy: 'GlobalNetworkPolicy',
}

/** `set`, `set/namespace/policy` or `set/kind/namespace/policy`. */
function findConfig(configs: ReadonlyMap<string, Config>, reference: string): Config {
  const [set = '', ...rest] = reference.split('/')
  const config = configs.get(set)
  if (!config) throw new Unsupported('a configuration that cannot be read')
  if (rest.length === 0) return config
  const name = rest.at(-1)
  const space = rest.at(-2) ?? ''
  const kind = rest.length === 3 ? KIND_NAMES[rest[0] ?? ''] : undefined
  const policies = config.policies.filter(
    policy =>
      textField(policy, 'metadata', 'name') === name &&
      (kind === undefined || textField(policy, 'kind') === kind) &&
      [textField(policy, 'metadata', 'namespace'), space].every(
        (one, _, [own]) => one === own || one === '' || one === '_global',
      ),
  )
  if (policies.length === 0) throw new Unsupported('a policy that is not found')
  return { ...config, name: reference, policies }
}

function readConfigs(scheme: Scheme): Map<string, Config> {
  const list = scheme.json.networkConfigList
  const configs = new Map<string, Config>()
  for (const own of Array.isArray(list) ? (list as unknown[]) : []) {
    try {
      configs.set(textField(own, 'name'), readConfig(scheme, own))
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error
    }
  }
  return configs
}

const refuse = (tally: Tally, name: string): void => {
  tally.unsupported.set(name, (tally.unsupported.get(name) ?? 0) + 1)
}

function runScheme(path: string, tally: Tally, explain: (line: string) => void): void {
  const scheme = readScheme(path)
  const configs = readConfigs(scheme)
  const context: QueryContext = { cells: cells([...configs.values()]), loaded: new Map() }
  const queries = Array.isArray(scheme.json.queries) ? (scheme.json.queries as unknown[]) : []
  for (const query of queries) {
    const expected = field(query, 'expected')
    if (typeof expected !== 'number') {
      refuse(tally, 'no expected number')
      continue
    }
    for (const [kind, references] of Object.entries(query as object)) {
      if (!Array.isArray(references)) continue
      const ask = QUERIES[kind]
      if (!ask) {
        refuse(tally, kind)
        continue
      }
      const name = `${path.split('/').at(-1)} ${textField(query, 'name')} (${kind})`
      try {
        const answer = ask(
          references.map(reference => findConfig(configs, String(reference))),
          context,
        )
        tally.total++
        if (answer === expected) tally.equal++
        else explain(`${name}: expected ${expected}, answered ${answer}`)
      } catch (error) {
        if (!(error instanceof Unsupported)) throw error
        refuse(tally, error.message)
        explain(`${name}: NOT ANSWERED, ${error.message}`)
      }
    }
  }
}

/** Queries of network-config-analyzer's schemes that are answered here, compared with its numbers. */
export const analyzer =
  (part: 'k8s' | 'calico') =>
  (folder: string, explain: (line: string) => void): Row[] => {
    const root = join(folder, 'tests', `${part}_testcases`)
    const schemes = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter(name => /scheme[^/]*\.yaml$/i.test(name))
      .toSorted()
    const tally: Tally = { equal: 0, total: 0, unsupported: new Map() }
    for (const scheme of schemes) runScheme(join(root, scheme), tally, explain)
    const suite = `policy/np-guard-nca-${part}`
    const left = [...tally.unsupported.values()].reduce((sum, count) => sum + count, 0)
    for (const [name, count] of tally.unsupported) explain(`not answered: ${count} × ${name}`)
    return [
      barred(
        {
          suite,
          measure: `answers equal (${tally.equal} of ${tally.total})`,
          value: tally.equal / tally.total,
          unit: '',
        },
        '≥',
        0.95,
      ),
      { suite, measure: 'queries not answered, each named with --verbose', value: left, unit: 'queries' },
    ]
  }
