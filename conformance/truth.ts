import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Labels,
  type Namespace,
  type NodeName,
  namespace,
  type Transport,
  type Workload,
  workloadId,
} from '@sekisho/core'
import { createModel, importPolicies, type Model, type QueryEnd } from '@sekisho/policy'
import { barred, type Row } from '../bench/report.ts'

/** Pods by `namespace/name`, with their labels, and namespaces with theirs. */
export interface World {
  readonly namespaces: Readonly<Record<string, Labels>>
  readonly pods: Readonly<Record<string, Labels>>
}

type Port = `${Transport} ${number}`

/** The only conversations that an end may have, in one direction. */
interface Only {
  /** Names of pods, or `outside`. */
  readonly with: readonly string[]
  /** Every port where it is left out. */
  readonly ports?: readonly Port[]
}

/** What some policies together do; all conversations that are not named pass. */
export interface Truth {
  readonly files: readonly string[]
  readonly into?: Readonly<Record<string, Only>>
  readonly outOf?: Readonly<Record<string, Only>>
}

const PORTS = ['TCP 80', 'TCP 5000', 'TCP 53', 'UDP 53'] as const satisfies readonly Port[]
/** Pods are on one node, whose own traffic to them always passes. */
const NODE = '192.168.0.1'
const ENDS: Readonly<Record<string, string>> = {
  outside: '203.0.113.9',
  'outside, IPv6': '2001:db8::9',
  node: NODE,
}
const isOutside = (end: string): boolean => end.startsWith('outside')

function podOf([key, labels]: readonly [string, Labels], index: number): Workload {
  const [space = '', name = ''] = key.split('/')
  return {
    id: workloadId('pod', space, name),
    kind: 'pod',
    namespace: space,
    name,
    owner: { kind: 'Deployment', name },
    labels,
    node: 'node' as NodeName, // a name of a node
    addresses: [`10.0.0.${index + 1}`, `fd00::${index + 1}`],
    hostNetwork: false,
    ports: [],
    state: 'running',
  }
}

function modelOf({ namespaces, pods }: World): { model: Model; ends: ReadonlyMap<string, QueryEnd> } {
  const model = createModel()
  const workloads = Object.entries(pods).map(podOf)
  const spaces: Namespace[] = Object.entries(namespaces).map(([name, labels]) => namespace(name, labels))
  model.update({
    namespaces: { set: spaces },
    workloads: { set: workloads },
    nodes: { set: [{ name: 'node' as NodeName, addresses: [NODE] }] }, // a name of a node
  })
  const inside = workloads.map(
    ({ id, namespace: space, name }) => [`${space}/${name}`, { workload: id }] as const,
  )
  const others = Object.entries(ENDS).map(([name, ip]) => [name, { ip }] as const)
  return { model, ends: new Map<string, QueryEnd>([...inside, ...others]) }
}

const allows = (only: Only | undefined, other: string, port: Port): boolean =>
  !only ||
  (only.with.some(name => name === other || (name === 'outside' && isOutside(other))) &&
    (only.ports ?? PORTS).includes(port))

/** Whether the conversation passes, by the table. */
function expected({ into, outOf }: Truth, [from, to, port]: readonly [string, string, Port]): boolean {
  if (from === 'node' && !Object.hasOwn(ENDS, to)) return true
  return allows(into?.[to], from, port) && allows(outOf?.[from], to, port)
}

/** Every conversation of the world, as the policies judge it and as the table says. */
function compare(world: World, folder: string, truth: Truth, explain: (line: string) => void) {
  const { model, ends } = modelOf(world)
  const texts = truth.files.map(file => readFileSync(join(folder, file), 'utf8'))
  const { documents, refused } = importPolicies(texts.join('\n---\n'))
  for (const { at, reason } of refused) explain(`${truth.files.join(', ')}: REFUSED ${at.path} ${reason}`)
  model.update({ policies: { set: documents } })
  const sum = { equal: 0, total: 0 }
  for (const [from, source] of ends)
    for (const [to, destination] of ends)
      for (const port of PORTS) {
        if (from === to || (Object.hasOwn(ENDS, from) && Object.hasOwn(ENDS, to))) continue
        const [protocol, number] = port.split(' ') as [Transport, string] // as `Port` says
        const query = { source, destination, protocol, port: Number(number) }
        const passes = model.decide(query).verdict === 'allow'
        sum.total++
        if (passes === expected(truth, [from, to, port])) sum.equal++
        else
          explain(`${truth.files.join(', ')}: ${from} to ${to} ${port}: ${passes ? 'passes' : 'is denied'}`)
      }
  return sum
}

/** Policies whose meaning is written down conversation by conversation, and documents that must be refused. */
export const truthTables =
  (suite: string, world: World, tables: { truths: readonly Truth[]; refused?: readonly string[] }) =>
  (folder: string, explain: (line: string) => void): Row[] => {
    const sums = tables.truths.map(truth => compare(world, folder, truth, explain))
    const [equal, total] = [
      sums.reduce((all, sum) => all + sum.equal, 0),
      sums.reduce((all, sum) => all + sum.total, 0),
    ]
    const wrong = (tables.refused ?? []).filter(file => {
      const { refused } = importPolicies(readFileSync(join(folder, file), 'utf8'))
      return refused.length === 0
    })
    for (const file of wrong) explain(`${file}: ACCEPTED`)
    const measure = `conversations as in the tables (${equal} of ${total})`
    return [
      barred({ suite, measure, value: equal / total, unit: '' }, '≥', 1),
      { suite, measure: 'tables', value: sums.length, unit: 'tables' },
      ...(tables.refused
        ? [
            barred(
              {
                suite,
                measure: 'refused that must be',
                value: tables.refused.length - wrong.length,
                unit: 'files',
              },
              '≥',
              tables.refused.length,
            ),
          ]
        : []),
    ]
  }
