import {
  APPLICATIONS,
  type Application,
  compilePattern,
  fail,
  type IpRange,
  LIMITS,
  ok,
  type Problem,
  parseCidr,
  type Result,
  type Transport,
} from '@sekisho/core'
import { type BytePattern, type CustomDefinition, isCustomApplication } from './custom.ts'
import type { Override } from './override.ts'

/** What users say about applications: new ones, and where which is spoken. */
export interface Definitions {
  readonly applications: readonly CustomDefinition[]
  readonly overrides: readonly Override[]
}

/*
 * The shape, as written in YAML:
 *
 *   applications:
 *     - name: acme-orders
 *       transport: TCP                      # or UDP
 *       client:                             # all must hold; so must those of the server
 *         - { at: 0, text: "ORD1" }
 *         - { at: 4, hex: "00 ?? 01" }
 *         - { at: 8, within: 64, pattern: "user=[a-z]+;" }
 *       server:
 *         - { hex: "06" }
 *   overrides:
 *     - application: acme-orders            # or one that is built in
 *       transport: TCP
 *       addresses: [10.0.0.0/8]             # without: any
 *       ports: [9000, 9010-9020]            # without: any
 */

const PATTERNS = 16
const WITHIN = { usual: 256, most: 1_024 } as const
const NAMES: ReadonlySet<string> = new Set(APPLICATIONS)
const isBuiltIn = (name: string): name is Application => NAMES.has(name)

type Fields = Readonly<Record<string, unknown>>

/** Reads values at paths and collects what is wrong with them; each method gives undefined then. */
class Reading {
  readonly problems: Problem[] = []

  refuse(path: string, reason: string): undefined {
    if (this.problems.length < LIMITS.problemsPerFile.value) this.problems.push({ document: 0, path, reason })
    return undefined
  }

  /** A field that is misspelt would otherwise do nothing, and nobody would see it. */
  fields(value: unknown, path: string, known: readonly string[]): Fields | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return this.refuse(path, `must have fields: ${known.join(', ')}`)
    for (const key of Object.keys(value))
      if (!known.includes(key))
        this.refuse(`${path}${path && '.'}${key}`, `is not one of ${known.join(', ')}`)
    return value as Fields // an object that is no array
  }

  list<T>(
    value: unknown,
    path: string,
    limit: number,
    read: (item: unknown, at: string) => T | undefined,
  ): T[] {
    if (value === undefined) return []
    if (!Array.isArray(value) || value.length > limit) {
      this.refuse(path, `must be a list of at most ${limit}`)
      return []
    }
    return value.map((item, i) => read(item, `${path}[${i}]`)).filter(item => item !== undefined)
  }

  integer(value: unknown, path: string, [least, most]: readonly [number, number]): number | undefined {
    if (typeof value === 'number' && Number.isInteger(value) && least <= value && value <= most) return value
    return this.refuse(path, `must be a whole number from ${least} to ${most}`)
  }

  text(value: unknown, path: string): string | undefined {
    return typeof value === 'string' && value !== '' ? value : this.refuse(path, 'must be a text')
  }

  transport(value: unknown, path: string): Transport | undefined {
    return value === 'TCP' || value === 'UDP' ? value : this.refuse(path, 'must be TCP or UDP')
  }
}

/** Reads definitions from the JSON of a YAML file. Refused whole when anything is wrong, with every mistake. */
export function readDefinitions(json: unknown): Result<Definitions, readonly Problem[]> {
  const reading = new Reading()
  const all = reading.fields(json, '', ['applications', 'overrides'])
  const limit = LIMITS.customApplications.value
  const applications = reading.list(all?.applications, 'applications', limit, (item, path) =>
    readApplication(reading, item, path),
  )
  const names = new Set<string>()
  for (const { application } of applications) {
    if (names.has(application)) reading.refuse('applications', `define ${application} twice`)
    names.add(application)
  }
  const overrides = reading.list(all?.overrides, 'overrides', limit, (item, path) =>
    readOverride(reading, item, { path, names }),
  )
  return reading.problems.length > 0 ? fail(reading.problems) : ok({ applications, overrides })
}

function readApplication(reading: Reading, json: unknown, path: string): CustomDefinition | undefined {
  const fields = reading.fields(json, path, ['name', 'transport', 'client', 'server'])
  if (!fields) return undefined
  const name = reading.text(fields.name, `${path}.name`)
  const transport = reading.transport(fields.transport, `${path}.transport`)
  const side = (key: 'client' | 'server') =>
    reading.list(fields[key], `${path}.${key}`, PATTERNS, (item, at) => readPattern(reading, item, at))
  const [client, server] = [side('client'), side('server')]
  if (client.length + server.length === 0) reading.refuse(path, 'must have a pattern of client or server')
  if (name === undefined || transport === undefined) return undefined
  if (!isCustomApplication(name))
    return reading.refuse(`${path}.name`, 'must be lower-case letters, digits and "-", and no built-in name')
  return { application: name, transports: [transport], client, server }
}

function readPattern(reading: Reading, json: unknown, path: string): BytePattern | undefined {
  const fields = reading.fields(json, path, ['at', 'text', 'hex', 'pattern', 'within'])
  if (!fields) return undefined
  const at = reading.integer(fields.at ?? 0, `${path}.at`, [0, LIMITS.openingBytes.value - WITHIN.most])
  const kinds = (['text', 'hex', 'pattern'] as const).filter(kind => fields[kind] !== undefined)
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1)
    return reading.refuse(path, 'must have one of text, hex, pattern')
  if (kind !== 'pattern' && fields.within !== undefined)
    reading.refuse(`${path}.within`, 'belongs to a pattern')
  const text = reading.text(fields[kind], `${path}.${kind}`)
  if (at === undefined || text === undefined) return undefined
  if (kind === 'pattern') return readTextPattern(reading, { text, within: fields.within, at }, path)
  const bytes = kind === 'text' ? bytesOfText(text) : bytesOfHex(text)
  if (bytes.length > 0 && bytes.length <= WITHIN.most) return { kind: 'bytes', at, bytes }
  const shape = kind === 'text' ? 'ASCII' : 'pairs of hexadecimal digits or "??"'
  return reading.refuse(`${path}.${kind}`, `must be ${shape}, of at most ${WITHIN.most} bytes`)
}

function readTextPattern(
  reading: Reading,
  from: { readonly text: string; readonly within: unknown; readonly at: number },
  path: string,
): BytePattern | undefined {
  const within = reading.integer(from.within ?? WITHIN.usual, `${path}.within`, [1, WITHIN.most])
  const alone = compilePattern(from.text)
  if (!alone.ok) return reading.refuse(`${path}.pattern`, alone.error)
  // Whatever follows is not the pattern's: only the beginning must fit it.
  const begins = compilePattern(`(${from.text}).*`)
  if (!begins.ok) return reading.refuse(`${path}.pattern`, begins.error)
  return within === undefined ? undefined : { kind: 'text', at: from.at, within, begins: begins.value }
}

/** Empty when the text is not ASCII: which bytes another encoding makes of it is not for us to guess. */
const bytesOfText = (text: string): readonly number[] =>
  /^\p{ASCII}+$/u.test(text) ? Array.from(text, letter => letter.charCodeAt(0)) : []

function bytesOfHex(text: string): readonly (number | undefined)[] {
  const pairs = text.replaceAll(' ', '')
  if (!/^(?:[\da-f]{2}|\?\?)+$/i.test(pairs)) return []
  return (pairs.match(/../g) ?? []).map(pair => (pair === '??' ? undefined : Number.parseInt(pair, 16)))
}

function readOverride(
  reading: Reading,
  json: unknown,
  { path, names }: { readonly path: string; readonly names: ReadonlySet<string> },
): Override | undefined {
  const fields = reading.fields(json, path, ['application', 'transport', 'addresses', 'ports'])
  if (!fields) return undefined
  const application = reading.text(fields.application, `${path}.application`)
  const transport = reading.transport(fields.transport, `${path}.transport`)
  const limit = LIMITS.portsPerRule.value
  const addresses = reading.list(fields.addresses, `${path}.addresses`, limit, (item, at) =>
    readRange(reading, item, at),
  )
  const ports = reading.list(fields.ports, `${path}.ports`, limit, (item, at) => readPorts(reading, item, at))
  if (addresses.length + ports.length === 0) reading.refuse(path, 'must have addresses or ports')
  if (application === undefined || transport === undefined) return undefined
  if (isBuiltIn(application) || (isCustomApplication(application) && names.has(application)))
    return { application, transport, addresses, ports }
  return reading.refuse(`${path}.application`, 'is neither built in nor defined here')
}

function readRange(reading: Reading, json: unknown, path: string): IpRange | undefined {
  const range = parseCidr(typeof json === 'string' ? json : '')
  return range.ok ? range.value : reading.refuse(path, range.error)
}

const PORT = [1, 65_535] as const

function readPorts(reading: Reading, json: unknown, path: string): readonly [number, number] | undefined {
  if (typeof json === 'number') {
    const port = reading.integer(json, path, PORT)
    return port === undefined ? undefined : [port, port]
  }
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(typeof json === 'string' ? json : '') ?? []
  const [least, most] = [Number(first), Number(last)]
  if (least >= PORT[0] && least <= most && most <= PORT[1]) return [least, most]
  return reading.refuse(path, 'must be a port, or two as in 9010-9020')
}
