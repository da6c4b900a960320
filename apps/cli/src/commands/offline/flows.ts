import type { FlowView } from '@sekisho/control'
import {
  type EpochMs,
  knownApplication,
  OUTCOMES,
  type Protocol,
  protocolName,
  type RuleId,
  SekishoError,
  type Workload,
} from '@sekisho/core'
import type {
  LearnEnd,
  LearnFlow,
  LearnGroup,
  Model,
  QueryEnd,
  RecordedFlow,
  UsingFlow,
} from '@sekisho/policy'
import { groupOf } from '@sekisho/policy/learn'
import { readInput } from '../../input.ts'

/** An export of a day can be large, and is the user's own; V8 makes no string of twice this. */
const EXPORT_BYTES = 268_435_456

/** What is needed of a flow that `sekisho flows -o json` printed. */
type FlowLine = Pick<
  FlowView,
  | 'source'
  | 'destination'
  | 'protocol'
  | 'port'
  | 'application'
  | 'connections'
  | 'first'
  | 'last'
  | 'outcome'
  | 'bytesToSource'
  | 'by'
>

type Wanted = readonly [wanted: string, holds: (value: unknown) => boolean]
const TEXT: Wanted = ['a text', value => typeof value === 'string']
const MAYBE_TEXT: Wanted = ['a text', value => value === undefined || typeof value === 'string']
const COUNT: Wanted = ['a whole number', value => Number.isSafeInteger(value) && Number(value) >= 0]
const PORT: Wanted = ['0 to 65535', value => COUNT[1](value) && Number(value) <= 65_535]
const TIME: Wanted = [
  'a time',
  value => typeof value === 'string' && Number.isFinite(new Date(value).getTime()),
]
const OUTCOME: Wanted = [OUTCOMES.join(', '), value => OUTCOMES.some(outcome => outcome === value)]
const KIND: Wanted = ['workload or external', value => value === 'workload' || value === 'external']

const FIELDS: readonly (readonly [path: string, ...Wanted])[] = [
  ...['source', 'destination'].flatMap(end => [
    [`${end}.kind`, ...KIND] as const,
    ...['namespace', 'name', 'ip'].map(field => [`${end}.${field}`, ...TEXT] as const),
  ]),
  ['protocol', ...TEXT],
  ['port', ...PORT],
  ['application', ...MAYBE_TEXT],
  ['connections', ...COUNT],
  ['first', ...TIME],
  ['last', ...TIME],
  ['outcome', ...OUTCOME],
  ['bytesToSource', ...COUNT],
  ['by', ...MAYBE_TEXT],
]

const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((inner, key) => Object(inner)[key], value)

function flowOf(value: unknown, where: string): FlowLine {
  const wrong = FIELDS.find(([path, , holds]) => !holds(at(value, path)))
  if (wrong)
    throw new SekishoError(
      'bad-request',
      `${where}: ${wrong[0]} must be ${wrong[1]}; flows are what "sekisho flows -o json" prints`,
    )
  return value as FlowLine // every field was looked at
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SekishoError(
      'bad-request',
      `${where} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

/** A JSON list (`sekisho flows -o json`), or one JSON object a line (`sekisho flows -f -o json`). */
export async function readFlows(path: string): Promise<readonly FlowLine[]> {
  const text = await readInput(path, EXPORT_BYTES)
  if (text.trimStart().startsWith('[')) {
    const list = parse(text, path) as readonly unknown[] // JSON that begins with a bracket
    return list.map((value, index) => flowOf(value, `${path}, item ${index + 1}`))
  }
  return text.split('\n').flatMap((line, index) => {
    const where = `${path}, line ${index + 1}`
    return line.trim() ? [flowOf(parse(line, where), where)] : []
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
    const { source, destination, port, application, connections } = flow
    const name = (end: FlowLine['source']) =>
      end.kind === 'workload' ? `${end.namespace}/${end.name}` : end.ip
    return {
      query: {
        source: this.#queryEnd(source),
        destination: this.#queryEnd(destination),
        protocol: protocolOf(flow.protocol),
        port,
        ...(application !== undefined && { facts: { application: knownApplication(application) } }),
      },
      source: name(source),
      destination: name(destination),
      connections,
      first: Date.parse(flow.first) as EpochMs, // milliseconds by definition
      last: Date.parse(flow.last) as EpochMs, // as above
      attack: false,
    }
  }

  using(flow: FlowLine): UsingFlow {
    const { query, connections, last } = this.recorded(flow)
    const by = flow.by as RuleId | undefined // one that is none is no policy's
    return { query, connections, last, ...(by !== undefined && { by }) }
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
      ...(flow.application !== undefined && { application: flow.application }),
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
