import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatIp, type IpRange, parseCidr, parseIp, type Transport, type Workload } from '@sekisho/core'
import { createModel, importPolicies, type Model, type QueryEnd } from '@sekisho/policy'
import { barred, type Row } from '../bench/report.ts'
import { field, type Manifest, readManifests, readNamespaces, readWorkloads, textField } from './manifests.ts'

interface Case {
  readonly dir: string
  readonly variant: string
  readonly kind: string
  readonly format: string
  readonly expected: string
  readonly kinds: Readonly<Record<string, number>>
}

const ADMIN_KINDS = ['AdminNetworkPolicy', 'BaselineAdminNetworkPolicy', 'ClusterNetworkPolicy'] as const
const POLICY_KINDS = new Set<string>(['NetworkPolicy', ...ADMIN_KINDS])
const SCOPE = new Set([
  ...POLICY_KINDS,
  'Pod',
  'Deployment',
  'Namespace',
  'Service',
  'Ingress',
  'Route',
  'VirtualMachine',
])
const TRANSPORTS = ['TCP', 'UDP', 'SCTP'] as const satisfies readonly Transport[]
const PORTS = 65_535

/** One end of a row: a workload group or a piece of the IPv4 space that no ipBlock divides further. */
interface End {
  readonly label: string
  readonly query: QueryEnd
  readonly range?: IpRange
}

/** Numbers at which some rule may change its mind; between two of them every port is judged alike. */
function portCuts(policies: readonly Manifest[], workloads: readonly Workload[]): number[] {
  const cuts = new Set([1, PORTS + 1])
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const key of ['port', 'endPort', 'start', 'end', 'number']) {
      const port = field(value, key)
      if (typeof port === 'number') for (const cut of [port, port + 1]) cuts.add(cut)
    }
    for (const inner of Object.values(value)) visit(inner)
  }
  for (const policy of policies) visit(policy.spec)
  for (const { port } of workloads.flatMap(workload => workload.ports))
    for (const cut of [port, port + 1]) cuts.add(cut)
  return [...cuts].filter(cut => cut >= 1 && cut <= PORTS + 1).toSorted((a, b) => a - b)
}

function addressCuts(policies: readonly Manifest[]): IpRange[] {
  const cuts = new Set([0n, 1n << 32n])
  const visit = (value: unknown): void => {
    if (typeof value === 'string') {
      const cidr = parseCidr(value)
      if (cidr.ok && cidr.value.family === 4)
        for (const cut of [cidr.value.first, cidr.value.last + 1n]) cuts.add(cut)
    } else if (typeof value === 'object' && value !== null)
      for (const inner of Object.values(value)) visit(inner)
  }
  for (const policy of policies) visit(policy.spec)
  const sorted = [...cuts].toSorted((a, b) => (a < b ? -1 : 1))
  return sorted.slice(1).map((next, i) => ({ family: 4, first: sorted[i] ?? 0n, last: next - 1n }))
}

/** np-guard's words for a set of ports: `TCP 80,443,8000-8010,UDP 53`, or `All Connections`. */
function connections(model: Model, source: QueryEnd, destination: QueryEnd, cuts: readonly number[]): string {
  const parts: string[] = []
  let everything = true
  for (const protocol of TRANSPORTS) {
    const allowed: [number, number][] = []
    cuts.slice(1).forEach((next, i) => {
      const port = cuts[i] ?? 1
      if (model.decide({ source, destination, protocol, port }).verdict !== 'allow') return
      const last = allowed.at(-1)
      if (last && last[1] === port - 1) last[1] = next - 1
      else allowed.push([port, next - 1])
    })
    const whole = allowed.length === 1 && allowed[0]?.[0] === 1 && allowed[0][1] === PORTS
    everything &&= whole
    if (allowed.length > 0)
      parts.push(`${protocol} ${allowed.map(([a, b]) => (a === b ? a : `${a}-${b}`)).join(',')}`)
  }
  return everything ? 'All Connections' : parts.toSorted().join(',')
}

function ends(workloads: ReadonlyMap<string, Workload>, policies: readonly Manifest[]): End[] {
  const inside = [...workloads].map(([label, workload]): End => ({ label, query: { workload: workload.id } }))
  const outside = addressCuts(policies).map((range): End => {
    const ip = formatIp({ family: 4, value: range.first })
    return { label: `${ip}-${formatIp({ family: 4, value: range.last })}[External]`, query: { ip }, range }
  })
  return [...inside, ...outside]
}

/** Expected rows by `source => destination`, outside ranges cut to the pieces of this case. */
function expectedRows(text: string, all: readonly End[]): { rows: Map<string, string>; skipped: number } {
  const rows = new Map<string, string>()
  let skipped = 0
  const pieces = (label: string): readonly string[] => {
    const match = /^([\d.]+)-([\d.]+)\[External\]$/.exec(label)
    const [first, last] = [match?.[1], match?.[2]].map(ip =>
      ip === undefined ? undefined : parseIp(ip)?.value,
    )
    if (first === undefined || last === undefined) return [label]
    return all
      .filter(({ range }) => range && range.first >= first && range.last <= last)
      .map(end => end.label)
  }
  // Behind its rows an exposure file speaks of workloads that are not there.
  for (const line of text.split('Exposure Analysis Result')[0]?.split('\n') ?? []) {
    const match = /^(\S+) => (\S+) : (.+)$/.exec(line)
    if (!match) continue
    const [, source = '', destination = '', allowed = ''] = match
    // Exposure through an Ingress or Route is a question about those objects, not about policy.
    if (source.startsWith('{')) skipped++
    else
      for (const a of pieces(source)) for (const b of pieces(destination)) rows.set(`${a} => ${b}`, allowed)
  }
  return { rows, skipped }
}

const normal = (allowed: string): string => {
  if (allowed === 'All Connections') return allowed
  const parts = allowed.split(/,(?=[A-Z])/).map(part => part.trim())
  return parts.toSorted().join(',')
}

const validName = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9.-]/g, '-')
/** Some cases have names that an API server refuses (capitals, underscores); np-guard does not look at them, and they mean nothing here. */
const withValidName = (policy: Manifest): Manifest => ({
  ...policy,
  metadata: { ...(policy.metadata as Manifest), name: validName(textField(policy, 'metadata', 'name')) }, // every policy has metadata
})

/** The policies as one text, read by the importer as it is: it knows every kind. */
function readPolicies(policies: readonly Manifest[]) {
  const list = { apiVersion: 'v1', kind: 'List', items: policies.map(withValidName) }
  return policies.length > 0 ? importPolicies(JSON.stringify(list)) : { documents: [], refused: [] }
}

interface Sum {
  equal: number
  total: number
  skipped: number
}

function runCase(folder: string, each: Case, explain: (line: string) => void): Sum {
  const { manifests } = readManifests(join(folder, each.dir))
  const policies = manifests.filter(manifest => POLICY_KINDS.has(textField(manifest, 'kind')))
  const workloads = readWorkloads(manifests)
  const model = createModel()
  const { documents, refused } = readPolicies(policies)
  model.update({
    namespaces: { set: readNamespaces(manifests) },
    workloads: { set: [...workloads.values()] },
    policies: { set: documents },
  })
  for (const { at, reason } of refused) explain(`${each.dir}: REFUSED ${at.path} ${reason}`)
  const all = ends(workloads, policies)
  const cuts = portCuts(policies, [...workloads.values()])
  const { rows, skipped } = expectedRows(readFileSync(join(folder, each.expected), 'utf8'), all)
  const sum: Sum = { equal: 0, total: 0, skipped }
  for (const source of all) {
    for (const destination of all) {
      if (source === destination || (source.range && destination.range)) continue
      const key = `${source.label} => ${destination.label}`
      const ours = connections(model, source.query, destination.query, cuts)
      const theirs = normal(rows.get(key) ?? '')
      if (ours === '' && theirs === '') continue
      sum.total++
      if (ours === theirs) sum.equal++
      else explain(`${each.dir}: ${key}: expected "${theirs}", decided "${ours}"`)
    }
  }
  return sum
}

/** One file of expected rows for each folder: its connections, or the connections that its exposure begins with. */
function readCases(folder: string): readonly Case[] {
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Case[]
  const plain = index.filter(({ format, variant }) => format === 'txt' && !variant)
  const rows = ['connlist', 'exposure'].flatMap(kind => plain.filter(each => each.kind === kind))
  const byFolder = new Map(rows.toReversed().map(each => [each.dir, each]))
  return [...byFolder.values()].toSorted((a, b) => a.dir.localeCompare(b.dir))
}

const isAdmin = ({ kinds }: Case): boolean => ADMIN_KINDS.some(kind => kinds[kind])

/**
 * Who can reach whom on which ports, decided for every pair and compared with np-guard's answer row by row: of the
 * cases with NetworkPolicies alone, or of those with policies of administrators.
 */
export const connectivity =
  (part: 'network' | 'admin') =>
  (folder: string, explain: (line: string) => void): Row[] => {
    const cases = readCases(folder).filter(each =>
      part === 'admin' ? isAdmin(each) : each.kinds.NetworkPolicy && !isAdmin(each),
    )
    const scoped = cases.filter(({ kinds }) => Object.keys(kinds).every(kind => SCOPE.has(kind)))
    const sum: Sum = { equal: 0, total: 0, skipped: 0 }
    for (const each of scoped) {
      const result = runCase(folder, each, explain)
      sum.equal += result.equal
      sum.total += result.total
      sum.skipped += result.skipped
    }
    for (const { dir, kinds } of cases.filter(each => !scoped.includes(each)))
      explain(
        `${dir}: NOT READ, ${Object.keys(kinds)
          .filter(kind => !SCOPE.has(kind))
          .join(', ')}`,
      )
    const suite = `policy/np-guard-${part === 'admin' ? 'admin' : 'connectivity'}`
    const value = sum.equal / sum.total
    return [
      barred({ suite, measure: `rows equal (${sum.equal} of ${sum.total})`, value, unit: '' }, '≥', 0.99),
      { suite, measure: 'cases', value: scoped.length, unit: 'cases' },
      {
        suite,
        measure: 'cases with other kinds, not read',
        value: cases.length - scoped.length,
        unit: 'cases',
      },
      { suite, measure: 'rows about Ingress and Route, not read', value: sum.skipped, unit: 'rows' },
    ]
  }
