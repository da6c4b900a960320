import type { NamedPort, Protocol, Transport } from '@sekisho/core'
import type { PortSpec } from '../documents/document.ts'
import type { PortMatch } from '../table.ts'

export interface NamedPortSpec {
  readonly protocol: Transport
  readonly name: string
}

type Ports = readonly (readonly [first: number, last: number])[]

function mergeSpans(spans: Ports): Ports {
  const merged: [number, number][] = []
  for (const [first, last] of spans.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])) {
    const end = merged.at(-1)
    if (end && first <= end[1] + 1) end[1] = Math.max(end[1], last)
    else merged.push([first, last])
  }
  return merged
}

/** The numeric entries, one match per protocol in a fixed order, with sorted and disjoint ports. */
export function mergePorts(specs: readonly PortSpec[]): readonly PortMatch[] {
  const spans = new Map<Protocol, [number, number][] | 'every'>()
  for (const spec of specs) {
    const held = spans.get(spec.protocol)
    if (spec.kind === 'every') spans.set(spec.protocol, 'every')
    else if (spec.kind === 'range' && held !== 'every') {
      spans.set(spec.protocol, [...(held ?? []), [spec.first, spec.last]])
    }
  }
  return [...spans]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([protocol, ports]) => (ports === 'every' ? { protocol } : { protocol, ports: mergeSpans(ports) }))
}

/** Whether a number is in sorted and disjoint spans; binary search. */
function inSpans(spans: Ports, port: number): boolean {
  let low = 0
  let high = spans.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const span = spans[middle]
    if (!span) return false
    if (span[1] < port) low = middle + 1
    else if (span[0] > port) high = middle - 1
    else return true
  }
  return false
}

/** @param matches as `mergePorts` makes them. */
export function matchesPorts(matches: readonly PortMatch[], protocol: Protocol, port: number): boolean {
  for (const match of matches) {
    if (match.protocol === protocol && (!match.ports || inSpans(match.ports, port))) return true
  }
  return false
}

/** The numbers a name stands for on one workload: containers may repeat a name, so there can be several. */
export const resolvePort = (
  ports: readonly NamedPort[],
  { name, protocol }: NamedPortSpec,
): readonly number[] =>
  ports.filter(port => port.name === name && port.protocol === protocol).map(port => port.port)
