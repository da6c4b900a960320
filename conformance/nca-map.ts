import { formatIp, type Ip, type IpRange, inRanges, parseCidr, parseIp, type Workload } from '@sekisho/core'
import { type Compared, compareFlows, type FlowQuery, type Model, type QueryEnd } from '@sekisho/policy'
import { PORTS } from './nca-compare.ts'
import { type Owner, type Topology, Unsupported } from './nca-topology.ts'

type Point = Compared['piece']['source']['first']

/** One line of the analyzer's map of what is allowed. */
interface Line {
  readonly from: End
  readonly to: End
  readonly connections: Connections
}

interface Connections {
  /** Where it begins and ends. */
  readonly ports: readonly number[]
  allow(query: FlowQuery): boolean
}

/** Whom a line is about: workloads, or addresses of anybody else. */
interface End {
  readonly ranges: readonly IpRange[]
  matches(workload: Workload, owner: Owner | undefined): boolean
}

type Test = (labels: Workload['labels']) => boolean

/** One of `has(a)`, `!has(a)`, `a=b`, `a!=b`, `a in (b,c)`; undefined for a name. */
function term(text: string): Test | undefined {
  const [, not, key = ''] = /^(!?)has\((.+)\)$/.exec(text) ?? []
  if (not !== undefined) return labels => Object.hasOwn(labels, key) === (not === '')
  const [, left = '', sign, right = ''] = /^([^\s=!]+)(!?=)(.+)$/.exec(text) ?? []
  if (sign) return labels => (labels[left] === right) === (sign === '=')
  const [, own = '', among] = /^(\S+) in \((.+)\)$/.exec(text) ?? []
  return among === undefined ? undefined : labels => among.split(',').includes(labels[own] ?? '')
}

/** Terms joined by `and`, in brackets where those are joined by `or`. */
function pods(text: string): End['matches'] {
  if (text === '*') return () => true
  const parts = text.split(' or ').map(part =>
    part
      .replace(/^\((.*)\)$/, '$1')
      .split(' and ')
      .map(term),
  )
  if (parts.length === 1 && parts[0]?.includes(undefined))
    return (_, owner) => text.split(',').includes(owner?.name ?? '')
  return ({ labels }) => parts.some(all => all.every(test => test?.(labels)))
}

/** Blocks and `first-last`; names of hosts are nobody's here. */
function ranges(text: string): readonly IpRange[] {
  return text.split(',').flatMap(part => {
    const [first, last] = part.split('-').map(parseIp)
    if (first && last) return [{ family: first.family, first: first.value, last: last.value }]
    const block = parseCidr(part)
    return block.ok ? [block.value] : []
  })
}

const addresses = (text: string): End => ({ ranges: ranges(text), matches: () => false })

/** `src: 10.0.0.0/8`, or `src_ns: [a,b] src_pods: [*]`. */
function end(line: string, side: 'src' | 'dst'): End {
  const [, outside] = new RegExp(`${side}: (\\S+)`).exec(line) ?? []
  if (outside !== undefined) return addresses(outside)
  const [, spaces, selected] =
    new RegExp(`${side}_ns: \\[(.*?)\\] ${side}_pods: \\[(.*?)\\]`).exec(line) ?? []
  if (spaces === undefined || selected === undefined) throw new Unsupported(`a map with ${line}`)
  const [namespaces, matches] = [spaces.split(','), pods(selected)]
  return {
    ranges: [],
    matches: (workload, owner) => namespaces.includes(workload.namespace) && matches(workload, owner),
  }
}

/** `namespace/name[Kind]`, or addresses. */
const single = (text: string): End =>
  text.includes('[') ? { ranges: [], matches: (_, owner) => owner?.title === text } : addresses(text)

/** `All connections`, or a protocol and perhaps its ports. */
function connections(text: string): Connections {
  if (text === 'All connections') return { ports: [], allow: () => true }
  const [, protocol, ports] = /^\{protocols:(\w+)(?:,dst_ports:([\d,-]+))?\}$/.exec(text) ?? []
  if (protocol === undefined) throw new Unsupported(`a map with ${text}`)
  const spans = ports?.split(',').map(part => part.split('-').map(Number)) ?? [[0, 65_535]]
  return {
    ports: spans.flatMap(([first = 0, last = first]) => [first - 1, first, last, last + 1]),
    allow: query =>
      query.protocol === protocol &&
      spans.some(([first = 0, last = first]) => first <= query.port && query.port <= last),
  }
}

function readLine(line: string): Line {
  const [, from, to, written] = /^(.*) => (.*) : (.*)$/.exec(line) ?? []
  if (from !== undefined && to !== undefined && written !== undefined)
    return { from: single(from), to: single(to), connections: connections(written) }
  const [ends = '', conn = ''] = line.split(' conn: ')
  return { from: end(ends, 'src'), to: end(ends, 'dst'), connections: connections(conn) }
}

/** What the analyzer says that a configuration allows. */
export interface Drawing {
  readonly lines: readonly Line[]
  /** Each line is about one owner at each end, and what is between pods of one owner is left out. */
  readonly byOwner: boolean
}

/** The maps of a file, one for each configuration that was asked about. */
export function readMaps(text: string): readonly Drawing[] {
  const parts = text.split(/^final fw rules for query: .*$/m)
  return (parts.length > 1 ? parts.slice(1) : parts).map(part => {
    const lines = part.split('\n').filter(line => line.trim() !== '')
    return {
      lines: lines.map(line => readLine(line.trimEnd())),
      byOwner: lines.some(line => line.includes(' => ')),
    }
  })
}

/** What a map says of flows. */
class Reading {
  readonly #drawing: Drawing
  readonly #owners: Topology['owners']

  constructor(drawing: Drawing, { owners }: Topology) {
    this.#drawing = drawing
    this.#owners = owners
  }

  /** Ports of a piece between which the map may change its mind. */
  ports({ first, last }: Compared['piece']['ports']): readonly number[] {
    const cuts = this.#drawing.lines.flatMap(({ connections: { ports } }) => ports)
    return [...new Set([first, last, ...cuts.filter(cut => cut > first && cut < last)])]
  }

  /** The ends of flows that a point stands for, as many as the map may tell apart. */
  ends({ end: own, range }: Point): readonly QueryEnd[] {
    if (!range) return [own]
    const { family, first, last } = range
    const drawn = this.#drawing.lines.flatMap(({ from, to }) => [...from.ranges, ...to.ranges])
    const cuts = drawn.filter(each => each.family === family).flatMap(each => [each.first, each.last + 1n])
    const starts = new Set(cuts.filter(cut => cut > first && cut <= last))
    return [own, ...[...starts].map(value => ({ ip: formatIp({ family, value }) }))]
  }

  /** Whether it says anything of what is between two ends. */
  isAbout(a: Workload | undefined, b: Workload | undefined): boolean {
    if (!a || !b) return true
    return (
      a !== b && !(this.#drawing.byOwner && this.#owners.get(a.id)?.title === this.#owners.get(b.id)?.title)
    )
  }

  allows(query: FlowQuery, source: Workload | undefined, destination: Workload | undefined): boolean {
    return this.#drawing.lines.some(
      ({ from, to, connections: { allow } }) =>
        allow(query) && this.#is(from, query.source, source) && this.#is(to, query.destination, destination),
    )
  }

  #is({ ranges: within, matches }: End, { ip: text }: QueryEnd, workload: Workload | undefined): boolean {
    if (workload) return matches(workload, this.#owners.get(workload.id))
    const ip: Ip | undefined = text === undefined ? undefined : parseIp(text)
    return ip !== undefined && inRanges(within, ip)
  }
}

const isVersion6 = ({ query }: Compared['piece']): boolean =>
  [query.source, query.destination].some(({ ip }) => ip?.includes(':'))

/** Whether a map says of all flows between two points what the engine does. */
function isDrawn({ piece, before }: Compared, map: Reading, [a, b]: readonly [Point, Point]): boolean {
  if (!map.isAbout(a.workload, b.workload)) return true
  return map.ends(a).every(source =>
    map.ends(b).every(destination =>
      map.ports(piece.ports).every(port => {
        const query = { source, destination, protocol: piece.ports.protocol, port }
        return map.allows(query, a.workload, b.workload) === (before.verdict === 'allow')
      }),
    ),
  )
}

/** Whether the engine allows exactly what a map says. */
export function isAsDrawn(model: Model, topology: Topology, drawing: Drawing): boolean {
  const map = new Reading(drawing, topology)
  // The analyzer leaves IPv6 out where no policy names it.
  const has6 = drawing.lines.some(({ from, to }) =>
    [...from.ranges, ...to.ranges].some(({ family }) => family === 6),
  )
  for (const compared of compareFlows(model, model, { ports: PORTS })) {
    const { piece } = compared
    if (!has6 && isVersion6(piece)) continue
    for (const a of piece.source.members)
      for (const b of piece.destination.members) if (!isDrawn(compared, map, [a, b])) return false
  }
  return true
}
