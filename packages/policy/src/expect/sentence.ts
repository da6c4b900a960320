import { fail, ok, type Protocol, parseCidr, parseIp, type Result } from '@sekisho/core'
import { dnsLabel } from '../documents/names.ts'
import type { EndSet } from '../prove/ends.ts'
import type { Expectation } from './expectation.ts'

const PROTOCOLS = ['TCP', 'UDP', 'SCTP', 'ICMP', 'ICMPv6'] as const satisfies readonly Protocol[]
const SETS: Readonly<Record<string, EndSet>> = {
  anything: { kind: 'anything' },
  outside: { kind: 'outside' },
  nodes: { kind: 'nodes' },
  workloads: { kind: 'workloads' },
}

function addresses(text: string): EndSet | undefined {
  const ip = parseIp(text)
  if (ip) return { kind: 'addresses', ranges: [{ family: ip.family, first: ip.value, last: ip.value }] }
  const cidr = parseCidr(text)
  return cidr.ok ? { kind: 'addresses', ranges: [cidr.value] } : undefined
}

const label = (text: string): readonly [string, string] | undefined => {
  const [key, value, ...rest] = text.split('=')
  return key && value !== undefined && rest.length === 0 ? [key, value] : undefined
}

/** `shop/web`, `shop/*`, `shop/app=web,tier=front`, `*\/app=web`. */
function workloads(text: string): EndSet | undefined {
  const slash = text.indexOf('/')
  const [space, rest] = [text.slice(0, slash), text.slice(slash + 1)]
  if (slash < 1 || rest === '' || (space !== '*' && dnsLabel(space) !== undefined)) return undefined
  const within = space === '*' ? {} : { namespace: space }
  if (rest === '*') return { kind: 'workloads', ...within }
  if (!rest.includes('=')) return { kind: 'workloads', ...within, name: rest }
  const pairs = rest.split(',').map(label)
  const matchLabels = Object.fromEntries(pairs.filter(pair => pair !== undefined))
  return pairs.includes(undefined)
    ? undefined
    : { kind: 'workloads', ...within, podSelector: { matchLabels } }
}

/**
 * An end as people write it: `namespace/name`, `namespace/*`, `namespace/key=value`, an address, a CIDR,
 * `outside`, `nodes`, `workloads` or `anything`.
 */
export function parseEnd(text: string): Result<EndSet, string> {
  const set = (Object.hasOwn(SETS, text) ? SETS[text] : undefined) ?? addresses(text) ?? workloads(text)
  if (set) return ok(set)
  return fail(
    `"${text}" is no end; write namespace/name, namespace/key=value, an address, a CIDR, outside, nodes or anything`,
  )
}

type Ports = Pick<Expectation, 'port' | 'protocol'>

/** `5432`, `53/UDP`, `any`; a number alone is TCP, as in policies. */
export function parsePort(text: string): Result<Ports, string> {
  if (text === 'any') return ok({})
  const [number = '', name = 'TCP'] = text.split('/')
  const protocol = PROTOCOLS.find(known => known.toUpperCase() === name.toUpperCase())
  if (!protocol) return fail(`"${name}" is no protocol; known are ${PROTOCOLS.join(', ')}`)
  if (number === 'any') return ok({ protocol })
  if (!/^\d{1,5}$/.test(number) || Number(number) > 65_535)
    return fail(`"${number}" is no port from 0 to 65535`)
  return ok({ port: Number(number), protocol })
}

/** Splits `end:port/protocol`; an IPv6 address with a port stands in brackets. */
function splitPort(text: string): readonly [end: string, port: string] {
  const bracket = /^\[([^\]]+)\](?::(.+))?$/.exec(text)
  if (bracket) return [bracket[1] ?? '', bracket[2] ?? 'any']
  const colon = text.lastIndexOf(':')
  if (colon < 0 || text.indexOf(':') !== colon) return [text, 'any']
  return [text.slice(0, colon), text.slice(colon + 1)]
}

const SENTENCE = /^from\s+(\S+)\s+to\s+(\S+)\s+(allow|deny)$/

/** `from shop/api to payments/db:5432 allow`. */
export function parseSentence(text: string): Result<Expectation, string> {
  const [, from = '', to = '', verdict] = SENTENCE.exec(text.trim()) ?? []
  if (verdict !== 'allow' && verdict !== 'deny')
    return fail('must be a sentence such as "from shop/api to payments/db:5432 allow" (or deny)')
  const [end, port] = splitPort(to)
  const [source, destination, ports] = [parseEnd(from), parseEnd(end), parsePort(port)]
  if (!source.ok) return source
  if (!destination.ok) return destination
  if (!ports.ok) return ports
  return ok({ text: text.trim(), from: source.value, to: destination.value, ...ports.value, verdict })
}
