import type { FlowView } from '@sekisho/control'
import { parseFilter } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { aggregates, islandTotals, protection } from '../src/map/graph/aggregate.ts'
import { filtered, matchingNodes } from '../src/map/graph/filter.ts'
import { graph, OUTSIDE } from '../src/map/graph/graph.ts'
import { patch } from '../src/map/graph/live.ts'
import { portText } from '../src/map/graph/port.ts'
import { rows, sorted, toCsv } from '../src/map/view/rows.ts'
import { shellQuoted } from '../src/map/view/words.ts'
import { edge, lab, node, view } from './map/generate.ts'

const terms = (text: string) => {
  const parsed = parseFilter(text)
  if (!parsed.ok) throw new Error(parsed.error)
  return parsed.value
}

describe('graph', () => {
  const two = view(
    [node('a', 'web'), node('a', 'db')],
    [
      edge('a/web', 'a/db', 5432),
      edge('a/web', 'a/db', 22, { outcome: 'denied', bytes: 10 }),
      edge('a/db', 'a/web', 80),
      edge('a/web', 'gone', 80),
    ],
  )
  const made = graph(two)

  test('ports of a pair are one link, directions are two, half a line is none', () => {
    expect(made.links.map(link => [link.source, link.destination, link.edges.length])).toEqual([
      [0, 1, 2],
      [1, 0, 1],
    ])
  })
  test('a link shows the worst of its edges and sums their counts', () => {
    expect(made.links[0]).toMatchObject({
      outcome: 'denied',
      connections: { allowed: 120, audited: 0, denied: 120 },
      bytes: 480_010,
    })
  })
  test('totals of a node count lines in each direction and denied connections in both', () => {
    expect(made.totals[1]).toEqual({ inbound: 1, outbound: 1, denied: 120, audited: 0 })
  })
})

describe('aggregates', () => {
  const made = graph(lab())
  const all = aggregates(made)
  test('every link between islands is in exactly one, none inside an island', () => {
    const inside = made.links.filter(
      link => made.nodes[link.source]?.namespace === made.nodes[link.destination]?.namespace,
    )
    const counted = all.flatMap(aggregate => aggregate.links)
    expect(new Set(counted).size).toBe(counted.length)
    expect(counted.length).toBe(made.links.length - inside.length)
  })
  test('denied connections are not lost in the sum', () => {
    const found = all.find(({ source, destination }) => source === 'shop' && destination === 'payments')
    expect(found?.connections).toEqual({ allowed: 1204, audited: 0, denied: 49 })
  })
  test('outside addresses are an island of their own', () => {
    expect(all.some(({ source }) => source === OUTSIDE)).toBe(true)
  })
  test('protection of an island', () => {
    const totals = islandTotals(made)
    const of = (name: string) => {
      const sum = totals.get(name)
      return sum && protection(sum)
    }
    expect([of('shop'), of('payments'), of('monitoring')]).toEqual(['none', 'partly', 'audit'])
  })
})

const end = (key: string) => ({ key, kind: 'workload' as const, namespace: '', name: key, ip: '' })
const flow = (source: string, destination: string, rest: Partial<FlowView> = {}): FlowView => ({
  id: '1',
  source: end(source),
  destination: end(destination),
  protocol: 'TCP',
  port: 80,
  outcome: 'allowed',
  why: 'not-selected',
  connections: 2,
  packets: 8,
  bytesToDestination: 100,
  bytesToSource: 50,
  first: '2026-11-22T04:00:01.000Z',
  last: '2026-11-22T04:00:02.000Z',
  ...rest,
})

describe('live flows', () => {
  const base = view([node('a', 'web'), node('a', 'db')], [edge('a/web', 'a/db', 80)])
  test('add to the counts of the edge', () => {
    const { view: next, active } = patch(base, [flow('a/web', 'a/db')])
    expect(next.edges[0]).toMatchObject({
      connections: { allowed: 122, audited: 0, denied: 0 },
      bytes: 480_150,
      last: '2026-11-22T04:00:02.000Z',
    })
    expect(active).toEqual(['a/web>a/db@TCP/80'])
  })
  test('a denial turns the edge and is told', () => {
    const rule = 'NetworkPolicy/a/db#ingress'
    const { view: next, denied } = patch(base, [
      flow('a/web', 'a/db', { outcome: 'denied', why: 'isolated', by: rule }),
    ])
    expect(next.edges[0]).toMatchObject({
      outcome: 'denied',
      by: rule,
      connections: { allowed: 120, denied: 2 },
    })
    expect(denied).toBe(2)
  })
  test('a rule that no longer decides is not named any longer', () => {
    const once = patch(base, [flow('a/web', 'a/db', { by: 'x' })]).view
    expect(patch(once, [flow('a/web', 'a/db')]).view.edges[0]).not.toHaveProperty('by')
  })
  test('a new edge between known nodes appears', () => {
    expect(patch(base, [flow('a/db', 'a/web', { port: 443 })]).view.edges).toHaveLength(2)
  })
  test('what is heard later names the edge, and another application is another edge', () => {
    const heard = patch(base, [flow('a/web', 'a/db', { application: 'redis' })]).view
    expect(heard.edges).toMatchObject([{ application: 'redis', connections: { allowed: 122 } }])
    const unheard = patch(heard, [flow('a/web', 'a/db')]).view
    expect(unheard.edges).toMatchObject([{ application: 'redis', connections: { allowed: 124 } }])
    const other = patch(heard, [flow('a/web', 'a/db', { application: 'ssh', outcome: 'denied' })])
    expect(other.view.edges.map(({ application, outcome }) => [application, outcome])).toEqual([
      ['redis', 'allowed'],
      ['ssh', 'denied'],
    ])
    expect(other.active).toEqual(['a/web>a/db@TCP/80 ssh'])
  })
  test.each<[string, FlowView]>([
    ['older than the view: it is counted there already', flow('a/web', 'a/db', { last: base.at })],
    ['of an unknown node: only the server places nodes', flow('a/new', 'a/db')],
  ])('nothing changes for a flow %s', (_name, one) => {
    expect(patch(base, [one])).toEqual({ view: base, active: [], denied: 0 })
  })
})

describe('filter', () => {
  const map = lab()
  test.each<[string, number]>([
    ['verdict:denied', 2],
    ['port:5432', 3],
    ['ns:monitoring', 3],
    ['src:shop/foothold not:proto:UDP', 3],
    ['169.254.169.254', 1],
    ['nobody', 0],
  ])('%s leaves %i edges', (text, count) => {
    expect(filtered(map, terms(text)).edges).toHaveLength(count)
  })
  test('an edge passes by any outcome that was counted on it', () => {
    const mixed = view(
      [node('a', 'x'), node('a', 'y')],
      [edge('a/x', 'a/y', 1, { connections: { allowed: 5, audited: 0, denied: 1 } })],
    )
    expect(filtered(mixed, terms('verdict:denied')).edges).toHaveLength(1)
  })
  test('a workload without traffic is found by its name', () => {
    const idle = view([node('a', 'idle'), node('a', 'x')], [])
    expect([...matchingNodes(idle, filtered(idle, terms('idle')), terms('idle'))]).toEqual(['a/idle'])
  })
})

test.each([
  ['TCP', 5432, '5432'],
  ['UDP', 53, '53/UDP'],
  ['TCP', 0, '*'],
  ['ICMP', 0, '0/ICMP'],
])('port of %s %i is written %s', (protocol, port, text) => expect(portText({ protocol, port })).toBe(text))

test('a name in a copied command cannot run anything', () => {
  expect(shellQuoted(`x'; reboot; '`)).toBe(`'x'\\''; reboot; '\\'''`)
})

describe('table', () => {
  const list = rows(graph(lab()))
  test('has every edge of the map once', () => {
    expect(list.map(row => row.edge)).toEqual(expect.arrayContaining(lab().edges))
    expect(list).toHaveLength(lab().edges.length)
  })
  test('sorts by verdict, worst first', () => {
    const order = sorted(list, { key: 'verdict', descending: true }).map(row => row.edge.outcome)
    expect(order.slice(0, 5)).toEqual(['denied', 'denied', 'audited', 'audited', 'allowed'])
  })
  test('a name that looks like a formula is text in the spreadsheet, and quotes are doubled', () => {
    const evil = view([node('', '=cmd|x', { key: 'e' }), node('a', 'b"c')], [edge('e', 'a/b"c', 80)])
    const [, line] = toCsv(rows(graph(evil))).split('\r\n')
    expect(line?.startsWith(`'=cmd|x,"a/b""c",TCP,80,`)).toBe(true)
  })
})
