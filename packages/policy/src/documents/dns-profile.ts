import {
  DEFAULT_DNS_PROFILE,
  DNS_ACTIONS,
  DNS_ANSWER_ACTIONS,
  type DnsProfile,
  formatCidr,
  formatIp,
  LIMITS,
  MOST_SINKHOLES,
  parseCidr,
  parseIp,
} from '@sekisho/core'
import { readNamePattern } from './fqdn.ts'
import { dnsLabel } from './names.ts'
import type { Spot } from './spot.ts'

export const LISTS = 64

/** A field that need not be written, read only where it is. */
const or = <T>(spot: Spot, otherwise: T, read: (spot: Spot) => T | undefined): T =>
  spot.absent ? otherwise : (read(spot) ?? otherwise)

const actionOf = (spot: Spot) => spot.oneOf(DNS_ACTIONS)
const answerActionOf = (spot: Spot) => spot.oneOf(DNS_ANSWER_ACTIONS)

const words = <T>(spot: Spot, read: (item: Spot) => T | undefined): readonly T[] =>
  spot.list(LIMITS.wordsPerList.value).flatMap(item => {
    const value = read(item)
    return value === undefined ? [] : [value]
  })

/** A zone or a name to be looked out for: what is below it is meant anyway. */
function name(spot: Spot): string | undefined {
  const text = readNamePattern(spot)
  if (text?.startsWith('*.')) spot.refuse('must be a name without "*"')
  return text
}

/** One address, or a block of them. */
function block(spot: Spot): string | undefined {
  const text = spot.text()
  if (text === undefined) return undefined
  const ip = parseIp(text)
  if (ip) return `${formatIp(ip)}/${ip.family === 4 ? 32 : 128}`
  const cidr = parseCidr(text)
  if (cidr.ok) return formatCidr(cidr.value)
  spot.refuse(text.includes('/') ? cidr.error : 'must be an address or a block as in "10.0.0.0/8"')
  return undefined
}

function address(spot: Spot): string | undefined {
  const text = spot.text()
  if (text === undefined) return undefined
  const ip = parseIp(text)
  if (!ip) spot.refuse('must be an address')
  return ip && formatIp(ip)
}

/** A part that is written has only fields that are known. */
const part = (spot: Spot, known: readonly string[]): boolean => !spot.absent && spot.fields(known)

function share(spot: Spot): number | undefined {
  const { value } = spot
  if (typeof value === 'number' && value > 0 && value < 1) return value
  spot.refuse('must be a number between 0 and 1')
  return undefined
}

const READ: { readonly [K in keyof DnsProfile]: (spot: Spot, usual: DnsProfile[K]) => DnsProfile[K] } = {
  resolvers(spot, usual) {
    if (!part(spot, ['action', 'addresses'])) return usual
    return {
      action: or(spot.at('action'), usual.action, actionOf),
      blocks: words(spot.at('addresses'), block),
    }
  },
  answers(spot, usual) {
    if (!part(spot, ['unasked', 'changed', 'foreign'])) return usual
    return {
      unasked: or(spot.at('unasked'), usual.unasked, answerActionOf),
      changed: or(spot.at('changed'), usual.changed, answerActionOf),
      foreign: or(spot.at('foreign'), usual.foreign, answerActionOf),
    }
  },
  rebinding(spot, usual) {
    if (!part(spot, ['action', 'names', 'addresses'])) return usual
    return {
      action: or(spot.at('action'), usual.action, answerActionOf),
      names: words(spot.at('names'), readNamePattern),
      blocks: words(spot.at('addresses'), block),
    }
  },
  tunnels(spot, usual) {
    if (!part(spot, ['action', 'windowSeconds', 'bytes'])) return usual
    return {
      action: or(spot.at('action'), usual.action, actionOf),
      windowSeconds: or(spot.at('windowSeconds'), usual.windowSeconds, each => each.integer(1, 3_600)),
      bytes: or(spot.at('bytes'), usual.bytes, each => each.integer(100, 1_000_000)),
    }
  },
  generated(spot, usual) {
    if (!part(spot, ['action', 'score', 'burst'])) return usual
    const [burst, score] = [spot.at('burst'), spot.at('score')]
    const written = score.absent ? undefined : share(score)
    const isWritten = part(burst, ['action', 'names'])
    return {
      action: or(spot.at('action'), usual.action, actionOf),
      ...(written !== undefined && { score: written }),
      burst: isWritten
        ? {
            action: or(burst.at('action'), usual.burst.action, actionOf),
            names: or(burst.at('names'), usual.burst.names, each => each.integer(2, 100)),
          }
        : usual.burst,
    }
  },
  lookAlikes(spot, usual) {
    if (!part(spot, ['action', 'names'])) return usual
    return { action: or(spot.at('action'), usual.action, actionOf), names: words(spot.at('names'), name) }
  },
  newNames(spot, usual) {
    if (!part(spot, ['action', 'learnSeconds'])) return usual
    return {
      action: or(spot.at('action'), 'audit', actionOf),
      learnSeconds: or(spot.at('learnSeconds'), usual.learnSeconds, each => each.integer(0, 31_536_000)),
    }
  },
  lists: spot => readLists(spot),
  allow: spot => words(spot, readNamePattern),
  zones: (spot, usual) => [...new Set([...usual, ...words(spot, name)])],
  sinkhole: (spot, usual) => readSinkhole(spot, usual),
}

function readLists(spot: Spot): DnsProfile['lists'] {
  const lists = spot.list(LISTS).flatMap(item => {
    if (!item.fields(['name', 'action'])) return []
    const list = item.at('name').text() ?? ''
    const wrong = list === '' ? undefined : dnsLabel(list)
    if (wrong !== undefined) item.at('name').refuse(wrong)
    return [{ list, action: or(item.at('action'), 'audit', actionOf) }]
  })
  if (new Set(lists.map(({ list }) => list)).size < lists.length) spot.refuse('names a list twice')
  return lists
}

function readSinkhole(spot: Spot, usual: DnsProfile['sinkhole']): DnsProfile['sinkhole'] {
  if (!part(spot, ['addresses', 'ttlSeconds'])) return usual
  const addresses = words(spot.at('addresses'), address)
  if (addresses.length > MOST_SINKHOLES)
    spot.at('addresses').refuse(`at most ${MOST_SINKHOLES} fit into an answer`)
  return {
    // Without addresses, the answer is that there is no such name.
    kind: addresses.length > 0 ? 'addresses' : 'nxdomain',
    addresses,
    ttlSeconds: or(spot.at('ttlSeconds'), usual.ttlSeconds, each => each.integer(0, 86_400)),
  }
}

/** What is not written is as usual; what is written otherwise than it can be is refused with its path. */
export function readDnsProfile(spot: Spot): DnsProfile {
  if (!spot.fields(Object.keys(READ))) return DEFAULT_DNS_PROFILE
  const read = <K extends keyof DnsProfile>(key: K): DnsProfile[K] =>
    READ[key](spot.at(key), DEFAULT_DNS_PROFILE[key])
  return {
    resolvers: read('resolvers'),
    answers: read('answers'),
    rebinding: read('rebinding'),
    tunnels: read('tunnels'),
    generated: read('generated'),
    lookAlikes: read('lookAlikes'),
    newNames: read('newNames'),
    lists: read('lists'),
    allow: read('allow'),
    zones: read('zones'),
    sinkhole: read('sinkhole'),
  }
}
