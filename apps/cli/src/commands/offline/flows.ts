import type { FlowView } from '@sekisho/control'
import {
  type EpochMs,
  OUTCOMES,
  type Protocol,
  protocolName,
  SekishoError,
  type Workload,
} from '@sekisho/core'
import type { LearnEnd, LearnFlow, LearnGroup, Model, QueryEnd, RecordedFlow } from '@sekisho/policy'
import { UsageError } from '../../arguments.ts'
import { readInput } from '../../input.ts'

/** An export of a day can be large, and is the user's own. */
const EXPORT_BYTES = 1_073_741_824

/** What is needed of a flow that `sekisho flows -o json` printed. */
type FlowLine = Pick<
  FlowView,
  | 'source'
  | 'destination'
  | 'protocol'
  | 'port'
  | 'connections'
  | 'first'
  | 'last'
  | 'outcome'
  | 'bytesToSource'
>

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

const isEnd = (value: unknown): boolean =>
  isRecord(value) && ['kind', 'namespace', 'name', 'ip'].every(key => typeof value[key] === 'string')

const isFlow = (value: unknown): value is FlowLine =>
  isRecord(value) &&
  isEnd(value.source) &&
  isEnd(value.destination) &&
  ['port', 'connections'].every(key => Number.isSafeInteger(value[key])) &&
  ['first', 'last'].every(key => typeof value[key] === 'string' && Number.isFinite(Date.parse(value[key]))) &&
  OUTCOMES.some(outcome => outcome === value.outcome) &&
  typeof value.protocol === 'string'

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SekishoError(
      'bad-request',
      `${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

/** A JSON list (`sekisho flows -o json`), or one JSON object a line (`sekisho flows -f -o json`). */
export async function readFlows(path: string): Promise<readonly FlowLine[]> {
  const text = await readInput(path, EXPORT_BYTES)
  const list = text.trimStart().startsWith('[')
  const lines = list
    ? parse(text, path)
    : text.split('\n').flatMap((line, at) => (line.trim() ? [parse(line, `${path}, line ${at + 1}`)] : []))
  if (!Array.isArray(lines)) throw new UsageError(`${path} holds no list of flows`)
  return lines.map((line: unknown, at) => {
    if (!isFlow(line))
      throw new SekishoError(
        'bad-request',
        `${path}: item ${at + 1} is no flow as "sekisho flows -o json" prints it`,
      )
    return line
  })
}

const protocolOf = (name: string): Protocol =>
  /^IP\/\d{1,3}$/.test(name) ? protocolName(Number(name.slice(3))) : (name as Protocol) // the server writes its own names

/** Finds the workloads of the manifests that flows name by namespace and owner. */
export class FlowReader {
  readonly #byOwner = new Map<string, Workload>()

  constructor(model: Model) {
    for (const workload of model.workloads.values()) {
      const key = `${workload.namespace}/${workload.owner.name}`
      if (!this.#byOwner.has(key)) this.#byOwner.set(key, workload)
    }
  }

  #workload({ kind, namespace, name }: FlowLine['source']): Workload | undefined {
    return kind === 'workload' ? this.#byOwner.get(`${namespace}/${name}`) : undefined
  }

  #queryEnd(end: FlowLine['source']): QueryEnd {
    const workload = this.#workload(end)
    return workload ? { workload: workload.id } : { ip: end.ip }
  }

  recorded(flow: FlowLine): RecordedFlow {
    const { source, destination, port, connections } = flow
    const name = (end: FlowLine['source']) =>
      end.kind === 'workload' ? `${end.namespace}/${end.name}` : end.ip
    return {
      query: {
        source: this.#queryEnd(source),
        destination: this.#queryEnd(destination),
        protocol: protocolOf(flow.protocol),
        port,
      },
      source: name(source),
      destination: name(destination),
      connections,
      first: Date.parse(flow.first) as EpochMs, // milliseconds by definition
      last: Date.parse(flow.last) as EpochMs, // as above
      attack: false,
    }
  }

  learned(flow: FlowLine): LearnFlow {
    const { first, last } = this.recorded(flow)
    return {
      source: this.#learnEnd(flow.source),
      destination: this.#learnEnd(flow.destination),
      protocol: protocolOf(flow.protocol),
      port: flow.port,
      connections: flow.connections,
      first,
      last,
      outcome: flow.outcome,
      bytesToSource: flow.bytesToSource,
    }
  }

  groups(): readonly LearnGroup[] {
    return [...this.#byOwner.values()].map(groupOf)
  }

  #learnEnd(end: FlowLine['source']): LearnEnd {
    const workload = this.#workload(end)
    return { ip: end.ip, ...(workload && { group: groupOf(workload) }) }
  }
}

const groupOf = ({ namespace, owner, labels, kind, hostNetwork }: Workload): LearnGroup => ({
  namespace,
  owner,
  labels,
  kind,
  hostNetwork,
})
