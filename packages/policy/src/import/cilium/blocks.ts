import { type Cidr, covers, formatCidr, type IpRange, LIMITS, parseCidr } from '@sekisho/core'
import { readSelector } from '../../documents/selector.ts'
import type { Spot } from '../../documents/spot.ts'
import { readNet } from '../calico/endpoint.ts'
import { fromSelector, holds } from '../cube.ts'
import type { Foreign } from '../foreign.ts'
import type { OrderedPeer } from '../ordered/rule.ts'

/** A CiliumCIDRGroup of the same text. */
export interface CidrGroup {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly blocks: readonly Cidr[]
}

export function readCidrGroup({ root }: Foreign): CidrGroup {
  root.fields(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
  const metadata = root.at('metadata')
  const labels = metadata.at('labels')
  root.at('spec').fields(['externalCIDRs'])
  return {
    name: metadata.at('name').text() ?? '',
    labels: Object.fromEntries(labels.keys.map(key => [key, labels.at(key).text() ?? ''])),
    blocks: root.at('spec').at('externalCIDRs').list(LIMITS.peersPerRule.value).flatMap(readNet),
  }
}

const parsed = (texts: readonly string[]): readonly Cidr[] =>
  texts.flatMap(text => {
    const cidr = parseCidr(text)
    return cidr.ok ? [cidr.value] : []
  })

/** Where clusters have their addresses: RFC 1918, RFC 6598 (shared), RFC 4193 (unique local). */
const PRIVATE = parsed(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'])

export interface BlockContext {
  readonly groups: readonly CidrGroup[]
  /** Undefined where nobody said. */
  readonly cluster: readonly Cidr[] | undefined
}

/** Ranges that are not ranges are a mistake of the caller's, which must not pass as "nothing is inside". */
export function clusterRanges(texts: readonly string[] | undefined): readonly Cidr[] | undefined {
  const cidrs = texts && parsed(texts)
  if (texts && cidrs?.length !== texts.length) throw new TypeError('clusterCidrs must be address blocks')
  return cidrs
}

const meets = (a: IpRange, b: IpRange): boolean => covers(a, b) || covers(b, a)

/** Cilium's blocks never hold an endpoint or node of the cluster, Sekisho's hold every address in them. */
export function outside(
  spot: Spot,
  cidr: Cidr,
  { except, cluster }: { except: readonly Cidr[]; cluster: BlockContext['cluster'] },
): OrderedPeer[] {
  const inside = (cluster ?? PRIVATE).filter(
    range => meets(cidr, range) && !except.some(hole => covers(hole, range)),
  )
  if (!cluster && inside.length > 0) {
    spot.refuse(
      `${formatCidr(cidr)} holds private addresses: Cilium leaves out the cluster's own, so say which they are (cluster CIDRs)`,
    )
    return []
  }
  if (inside.some(range => covers(range, cidr))) return []
  return [{ kind: 'block', cidr, except: [...except, ...inside] }]
}

/** `toCIDR` and `fromCIDR`: blocks or single addresses. */
export const readCidrs = (spot: Spot, { cluster }: BlockContext): OrderedPeer[] =>
  spot
    .list(LIMITS.peersPerRule.value)
    .flatMap(item => readNet(item).flatMap(cidr => outside(item, cidr, { except: [], cluster })))

function readBase(spot: Spot, { groups }: BlockContext): readonly Cidr[] {
  if (!spot.at('cidr').absent) return readNet(spot.at('cidr'))
  const [reference, selector] = [spot.at('cidrGroupRef'), spot.at('cidrGroupSelector')]
  const cube = selector.absent ? undefined : fromSelector(readSelector(selector), 'pod')
  const chosen = groups.filter(({ name, labels }) =>
    reference.absent ? cube && holds(cube, { pod: labels, namespace: {} }) : name === reference.value,
  )
  if (chosen.length === 0)
    (reference.absent ? selector : reference).refuse('no such CiliumCIDRGroup is in the text')
  return chosen.flatMap(({ blocks }) => blocks)
}

/** `toCIDRSet` and `fromCIDRSet`: a block or groups of them, each less what is excepted. */
export const readCidrSet = (spot: Spot, context: BlockContext): OrderedPeer[] =>
  spot.list(LIMITS.peersPerRule.value).flatMap(item => {
    if (!item.fields(['cidr', 'cidrGroupRef', 'cidrGroupSelector', 'except'])) return []
    const holes = item.at('except').list(LIMITS.peersPerRule.value).flatMap(readNet)
    return readBase(item, context).flatMap(cidr => {
      if (holes.some(hole => covers(hole, cidr))) return []
      const except = holes.filter(hole => covers(cidr, hole))
      return outside(item, cidr, { except, cluster: context.cluster })
    })
  })
