import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { DEFAULT_DNS_PROFILE, type EpochMs } from '@sekisho/core'
import {
  DnsSecurity,
  type DomainIndex,
  DomainIndexBuilder,
  generatedScore,
  readDnsMessage,
  readList,
} from '@sekisho/inspect/dns-security'
import { barred, type Row } from './report.ts'

const SUITE = 'inspect/dns'
const NAMES = 1_000_000
const ASKED = 1 << 16

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Time of this thread on its core, of the fastest of nine rounds: what else the machine does is not counted. */
function micros(count: number, run: () => void): number {
  const rounds = Array.from({ length: 9 }, () => {
    const start = process.threadCpuUsage()
    run()
    const { user, system } = process.threadCpuUsage(start)
    return user + system
  })
  return Math.min(...rounds) / count
}

/** Of objects and of array buffers, after everything that nobody holds is gone. */
function held(): number {
  collect()
  // Buffers whose owner went with the first are freed with the second.
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const SUFFIXES = ['com', 'net', 'org', 'co.uk', 'info', 'xyz'] as const
const mixed = (number: number): string => (Math.imul(number, 2_654_435_761) >>> 0).toString(36)
const listed = (number: number): string =>
  `${mixed(number)}-${number % 97}.${SUFFIXES[number % SUFFIXES.length]}`
/** Whole in memory, as names are that come from a packet. */
const flat = (text: string): string => Buffer.from(text).toString('latin1')

const lists = (): string => Array.from({ length: NAMES }, (_, number) => listed(number)).join('\n')

function indexOf(text: string): DomainIndex {
  const builder = new DomainIndexBuilder()
  readList(text, builder.list('bench'))
  return builder.build()
}

/** How a resolver's list is usually held: each domain above a name is looked for. */
function inSet(set: ReadonlySet<string>, name: string): boolean {
  for (let from = 0; ; ) {
    if (set.has(name.slice(from))) return true
    const dot = name.indexOf('.', from)
    if (dot < 0) return false
    from = dot + 1
  }
}

function listRows(progress: (line: string) => void): readonly Row[] {
  progress(`a list of ${NAMES} names`)
  const text = lists()
  const empty = held()
  const start = process.threadCpuUsage()
  const index = indexOf(text)
  const built = process.threadCpuUsage(start)
  const indexBytes = held() - empty
  const before = held()
  const set = new Set(text.split('\n').map(flat))
  const setBytes = held() - before
  const others = Array.from({ length: ASKED }, (_, i) => flat(`www.api.${mixed(i + NAMES)}.example-${i}.com`))
  const hits = Array.from({ length: ASKED }, (_, i) => flat(`www.api.${listed((i * 7_919) % NAMES)}`))
  let found = 0
  const look = (names: readonly string[]): number =>
    micros(ASKED, () => {
      for (const name of names) found += index.match(name).length
    })
  const lookInSet = (names: readonly string[]): number =>
    micros(ASKED, () => {
      for (const name of names) found += inSet(set, name) ? 1 : 0
    })
  progress('look-ups')
  const row = (measure: string, value: number, unit: string) => ({ suite: SUITE, measure, value, unit })
  const rows = [
    barred(
      row(`memory of an index of ${index.size.toLocaleString('en')} names`, indexBytes / 1e6, 'MB'),
      '≤',
      40,
    ),
    row('memory of a Set of them', setBytes / 1e6, 'MB'),
    row('reading the list and building the index', (built.user + built.system) / 1e6, 's'),
    barred(row('look-up of a name that is not listed', look(others), 'µs'), '≤', 2),
    row('the same in a Set, each domain above it too', lookInSet(others), 'µs'),
    barred(row('look-up of a name below a listed one', look(hits), 'µs'), '≤', 2),
    row('the same in a Set, each domain above it too', lookInSet(hits), 'µs'),
  ]
  if (found === 0) throw new TypeError('nothing was found')
  return rows
}

const wireName = (name: string): readonly number[] => [
  ...name.split('.').flatMap(label => [label.length, ...Buffer.from(label, 'latin1')]),
  0,
]
const question = (name: string): Uint8Array =>
  Uint8Array.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...wireName(name), 0, 1, 0, 1])

function checkRows(progress: (line: string) => void): readonly Row[] {
  progress('questions, every check')
  const names = Array.from({ length: 4_096 }, (_, i) => flat(`www.${mixed(i)}.service-${i % 500}.com`))
  const labels = names.map(name => name.split('.')[1] ?? '')
  const queries = names.map((name, i) => ({
    client: `10.0.${i % 40}.7`,
    clientPort: 1_024 + i,
    resolver: '10.96.0.10',
    message: readDnsMessage(question(name)),
    bytes: 40,
    at: (1_700_000_000_000 + i) as EpochMs,
  }))
  const security = new DnsSecurity(DEFAULT_DNS_PROFILE)
  let sum = 0
  const row = (measure: string, value: number, unit: string) => ({ suite: SUITE, measure, value, unit })
  const rows = [
    row(
      'how generated a label looks',
      micros(labels.length, () => {
        for (const label of labels) sum += generatedScore(label)
      }),
      'µs',
    ),
    row(
      'a question through every check',
      micros(queries.length, () => {
        for (const query of queries) sum += security.query(query).findings.length
      }),
      'µs',
    ),
  ]
  if (!(sum > 0)) throw new TypeError('nothing was scored')
  return rows
}

/** Lists of a million names beside a Set, and what a question costs. */
export const inspectDns = {
  name: SUITE,
  run: (progress: (line: string) => void): Promise<readonly Row[]> =>
    Promise.resolve([...listRows(progress), ...checkRows(progress)]),
}
