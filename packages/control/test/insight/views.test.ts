import { type Flow, type Outcome, SekishoError } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { explainView } from '../../src/insight/explain.ts'
import { readFilter } from '../../src/insight/filter.ts'
import { mapView } from '../../src/insight/map.ts'
import { overview } from '../../src/insight/overview.ts'
import { simulateView } from '../../src/insight/simulate.ts'
import { suggest } from '../../src/insight/suggest.ts'
import {
  explanation,
  mapView as mapSchema,
  overview as overviewSchema,
  simulation,
  suggestion,
} from '../../src/schema/index.ts'
import {
  at,
  documents,
  end,
  flow,
  id,
  MINUTE,
  NODE,
  pod,
  protectDb,
  SHOP,
  scan,
  status,
  WINDOW,
  world,
} from './world.ts'

const map = (here: ReturnType<typeof world>, filter = '') => {
  const view = mapView(here.ports, { window: WINDOW, filter: readFilter(filter) })
  mapSchema.parse(view)
  return view
}

describe('filter text', () => {
  test.each([
    ['colour:red', 1, /"colour" is not a key/],
    ['ns:shop  colour:red', 10, /not a key/],
    ['verdict:dropped', 1, /allowed, audited, denied/],
    ['ns:shop not:port:99999', 13, /0 to 65535/],
    ['ｎｓ：ｓｈｏｐ ｐｏｒｔ：ｘ', 9, /0 to 65535/],
    ['why:because', 1, /isolated/],
  ])('%s is refused with its column', (text, column, reason) => {
    const refused = () => readFilter(text)
    expect(refused).toThrow(SekishoError)
    expect(refused).toThrow(reason)
    expect(refused).toThrow(new RegExp(`column ${column}:`))
  })

  test('full-width text means the same as ASCII', () => {
    expect(readFilter('ｎｓ：ｓｈｏｐ verdict：denied')).toEqual(readFilter('ns:shop verdict:denied'))
    expect(readFilter(undefined)).toEqual([])
  })
})

describe('map', () => {
  const traffic = (here: ReturnType<typeof world>) => {
    here.join()
    here.report({ workloads: SHOP, flows: [flow()] })
  }

  test('what a port is known to speak names what was not heard; several things are edges of their own', () => {
    using here = world()
    here.join()
    const denied = { outcome: 'denied', why: 'isolated' } as const
    here.report({
      workloads: SHOP,
      flows: [
        flow({ application: 'postgresql' }),
        flow({ ...denied }),
        flow({ port: 80, application: 'http' }),
      ],
    })
    const spoken = () =>
      map(here).edges.map(({ port, application, connections }) => [port, application, connections.denied])
    expect(spoken()).toEqual([
      [5432, 'postgresql', 1],
      [80, 'http', 0],
    ])
    here.report({ flows: [flow({ port: 80, application: 'ssh', ...denied }), flow({ port: 80 })] })
    expect(spoken()).toEqual([
      [5432, 'postgresql', 1],
      [80, 'http', 0],
      [80, 'ssh', 1],
      [80, undefined, 0],
    ])
  })

  test('pods of one owner are one node, their flows one edge with counts per outcome', () => {
    using here = world()
    here.join()
    const second = pod('web', 'shop', {
      id: 'pod:shop/web-2' as never,
      name: 'web-2',
      addresses: ['10.0.0.11'],
    })
    here.report({
      workloads: [...SHOP, second],
      flows: [
        flow({ connections: 3 }),
        flow({
          source: { workload: second.id, ip: '10.0.0.11' },
          outcome: 'denied',
          why: 'isolated',
          connections: 2,
        }),
      ],
    })
    here.apply(protectDb('Enforce'))
    const view = map(here)
    expect(view.nodes.find(({ key }) => key === 'shop/web')).toMatchObject({ instances: 2, ingress: 'none' })
    expect(view.nodes.find(({ key }) => key === 'shop/db')).toMatchObject({
      ingress: 'enforce',
      egress: 'none',
    })
    expect(view.edges).toMatchObject([
      {
        source: 'shop/web',
        destination: 'shop/db',
        port: 5432,
        outcome: 'denied',
        connections: { allowed: 3, audited: 0, denied: 2 },
      },
    ])
    expect(view.namespaces).toEqual([
      { name: 'monitoring', workloads: 1 },
      { name: 'shop', workloads: 4 },
    ])
    expect(view.notes).toEqual([])
  })

  test.each<[string, Outcome, [Outcome, number][]]>([
    [
      'the worst of what was seen last',
      'denied',
      [
        ['allowed', 10],
        ['denied', 10],
      ],
    ],
    [
      'an old denial does not paint what now passes',
      'allowed',
      [
        ['denied', 5],
        ['allowed', 10],
      ],
    ],
    [
      'audited before allowed',
      'audited',
      [
        ['allowed', 10],
        ['audited', 10],
      ],
    ],
  ])('an edge shows %s', (_name, expected, seen) => {
    using here = world()
    const flows = seen.map(([outcome, minute]) =>
      flow({ outcome, first: at(minute * MINUTE), last: at(minute * MINUTE) }),
    )
    here.report({ workloads: SHOP, flows })
    expect(map(here).edges.map(({ outcome }) => outcome)).toEqual([expected])
  })

  test('a workload that is gone is still on the map of its time', () => {
    using here = world()
    here.report({ workloads: SHOP, flows: [flow()] })
    here.report({ workloads: [pod('db')] })
    expect(map(here).nodes.find(({ key }) => key === 'shop/web')).toMatchObject({
      instances: 0,
      ownerKind: 'Deployment',
    })
  })

  test('of many outside addresses the busiest are shown, the rest is one node, and nothing is lost', () => {
    using here = world()
    here.join()
    const flows = Array.from({ length: 6000 }, (_, i) =>
      flow({
        source: { ip: `198.18.${i >> 8}.${i & 255}` },
        destination: end('web'),
        port: 443,
        connections: i === 7 ? 50 : 1,
      }),
    )
    here.report({ workloads: SHOP, flows })
    const view = map(here)
    const externals = view.nodes.filter(({ kind }) => kind === 'external')
    expect(externals).toHaveLength(101)
    expect(externals.map(({ key }) => key)).toContain('198.18.0.7')
    expect(externals.reduce((sum, { instances }) => sum + instances, 0)).toBe(6000)
    expect(view.edges.reduce((sum, { connections }) => sum + connections.allowed, 0)).toBe(6049)
    expect(view.notes).toEqual([{ code: 'externals-folded', details: { addresses: 5900 } }])
  })

  test('a scan of a thousand ports is a bounded number of edges', () => {
    using here = world()
    const flows = Array.from({ length: 1000 }, (_, i) => flow({ port: 1 + i, connections: i === 0 ? 9 : 1 }))
    here.report({ workloads: SHOP, flows })
    const view = map(here)
    expect(view.edges).toHaveLength(65)
    expect(view.edges.find(({ port }) => port === 1)).toBeDefined()
    expect(view.edges.find(({ port }) => port === 0)?.connections.allowed).toBe(936)
  })

  test.each<[string, string, (here: ReturnType<typeof world>) => void, string[]]>([
    ['no agent', '', () => undefined, ['no-agent']],
    ['an agent and no traffic', '', here => here.join(), ['no-traffic']],
    ['a filter that hides', 'ns:payments', traffic, ['filter-hides']],
    ['traffic', 'ns:shop', traffic, []],
  ])('says why it is empty: %s', (_name, filter, given, codes) => {
    using here = world()
    given(here)
    expect(map(here, filter).notes.map(({ code }) => code)).toEqual(codes)
  })

  test('says where history starts', () => {
    using here = world()
    here.join()
    here.report({ flows: [flow()] })
    const early = { since: at(-60 * MINUTE), until: WINDOW.until }
    expect(mapView(here.ports, { window: early, filter: [] }).notes).toEqual([
      { code: 'history-starts', details: { at: '2026-01-01T00:01:00.000Z' } },
    ])
  })
})

describe('overview', () => {
  const codes = (here: ReturnType<typeof world>) => {
    const view = overview(here.ports, WINDOW)
    overviewSchema.parse(view)
    return view.attention.map(({ code }) => code)
  }
  const probe = flow({ source: end('foothold'), destination: { ip: '169.254.169.254' }, port: 80 })
  const deniedWeb = flow({ outcome: 'denied', why: 'isolated', port: 6379 })

  test('counts', () => {
    using here = world()
    here.join()
    here.report({ workloads: SHOP, flows: [flow(), flow({ outcome: 'audited', connections: 4 })] })
    here.apply(protectDb('Audit'))
    expect(overview(here.ports, WINDOW)).toMatchObject({
      workloads: 4,
      namespaces: 2,
      agents: { connected: 1, total: 1 },
      learningSince: '2026-01-01T00:01:00.000Z',
      flows: { allowed: 1, audited: 4, denied: 0 },
      protection: { enforced: 0, audited: 1, unprotected: 3 },
    })
  })

  test.each<[string, readonly Flow[], string[]]>([
    ['ordinary traffic', [flow()], []],
    ['a scan', scan(), ['port-scan']],
    ['a scan from outside', scan({ ip: '192.0.2.66' } as never), ['port-scan']],
    ['a metadata probe', [probe], ['metadata-probe']],
    [
      'another application on a port that is known for one',
      [
        flow({ application: 'ssh' }),
        flow({ application: 'postgresql' }),
        flow({ port: 81, application: 'ssh' }),
      ],
      ['unexpected-application'],
    ],
    ['what was not recognised says nothing', [flow({ application: 'unknown' }), flow()], []],
    ['denied traffic of an ordinary workload', [deniedWeb], ['denied-attempts']],
    [
      'denied traffic of a scanner is part of the scan',
      [...scan(), flow({ source: end('foothold'), outcome: 'denied' })],
      ['port-scan'],
    ],
    [
      'audited traffic',
      [flow({ outcome: 'audited', by: 'SecurityPolicy/shop/db#ingress' as never })],
      ['audited-traffic'],
    ],
    ['most urgent first', [deniedWeb, probe, ...scan()], ['port-scan', 'metadata-probe', 'denied-attempts']],
  ])('attention: %s', (_name, flows, expected) => {
    using here = world()
    here.join()
    here.report({ workloads: SHOP, flows })
    expect(codes(here).filter(code => code !== 'unprotected-namespace')).toEqual(expected)
  })

  test.each<[string, string, (here: ReturnType<typeof world>) => void]>([
    ['agent-away', 'critical', here => here.ports.connected.delete(NODE)],
    [
      'records-dropped',
      'warning',
      here => here.report({ status: { ...status, ledger: { 'spool-full': 3, none: 0 } } }),
    ],
    [
      'records-begin',
      'info',
      here => {
        const details = { server: 'sekisho-server-1' }
        here.ports.store.records.addEvent({
          code: 'server-leads',
          severity: 'info',
          at: at(30 * MINUTE),
          details,
        })
      },
    ],
    ['change-pending', 'warning', here => here.apply(protectDb('Enforce'), at(90 * MINUTE))],
    [
      'agent-behind',
      'warning',
      here => {
        here.apply(protectDb('Enforce'))
        here.report({ status: { ...status, revision: 1 } })
        here.ports.clock.time = at(62 * MINUTE)
      },
    ],
    [
      'mining-pool',
      'critical',
      here =>
        void here.ports.store.records.addEvent({
          code: 'mining-pool',
          severity: 'critical',
          at: at(MINUTE),
          workload: id('web'),
          details: { name: 'pool.example' },
        }),
    ],
  ])('attention: %s', (code, severity, given) => {
    using here = world()
    here.join()
    here.report({ workloads: SHOP, flows: [flow()], status })
    expect(codes(here)).not.toContain(code)
    given(here)
    expect(codes(here)).toContain(code)
    expect(overview(here.ports, WINDOW).attention.find(item => item.code === code)?.severity).toBe(severity)
  })

  test('a namespace without any policy is named until one of its workloads has one', () => {
    using here = world()
    here.join()
    here.report({ workloads: SHOP, flows: [flow()] })
    const open = () =>
      overview(here.ports, WINDOW)
        .attention.filter(({ code }) => code === 'unprotected-namespace')
        .map(({ filter }) => filter)
    expect(open()).toEqual(['ns:monitoring', 'ns:shop'])
    here.apply(protectDb('Learn'))
    expect(open()).toEqual(['ns:monitoring', 'ns:shop'])
    here.apply(protectDb('Audit'))
    expect(open()).toEqual(['ns:monitoring'])
  })

  test('an agent that has seen nothing says so', () => {
    using here = world()
    expect(codes(here)).toEqual([])
    here.join()
    expect(codes(here)).toEqual(['nothing-seen'])
  })

  test('every filter it gives leads to what it speaks of', () => {
    using here = world()
    here.join()
    here.report({
      workloads: SHOP,
      flows: [
        deniedWeb,
        probe,
        ...scan(),
        flow({ outcome: 'audited', by: 'SecurityPolicy/shop/db#ingress' as never }),
      ],
    })
    const filters = overview(here.ports, WINDOW).attention.filter(({ action }) => action === 'show-flows')
    expect(filters).toHaveLength(4)
    for (const { filter } of filters) {
      expect(
        here.ports.store.records.flows({ window: WINDOW, limit: 1, filter: readFilter(filter) }).items,
      ).toHaveLength(1)
    }
  })
})

describe('suggest, simulate, explain', () => {
  const attack = [...scan(), flow({ source: end('foothold'), port: 5432, connections: 7 })]

  test('what is suggested keeps all that was legitimate and stops the attack', () => {
    using here = world()
    const cron = pod('backup', 'shop', { addresses: ['10.0.0.9'] })
    here.report({
      workloads: [...SHOP, cron],
      flows: [
        flow({ connections: 5 }),
        flow({ source: end('prometheus', 'monitoring'), port: 9187 }),
        flow({ source: end('backup'), connections: 0 }),
        ...attack,
      ],
    })
    here.report({ workloads: SHOP })
    const proposal = suggest(here.ports, { window: WINDOW, namespaces: ['shop'], kind: 'SecurityPolicy' })
    suggestion.parse(proposal)
    expect(new Set(proposal.excluded.map(({ code }) => code))).toEqual(new Set(['port-scan']))
    expect(proposal.excluded.reduce((sum, { connections }) => sum + connections, 0)).toBe(17)
    const enforced = proposal.yaml.replaceAll('mode: Audit', 'mode: Enforce')
    const result = simulateView(here.ports, { window: WINDOW, documents: documents(enforced), without: [] })
    simulation.parse(result)
    expect(result).toMatchObject({
      flows: 24,
      unchanged: 7,
      newlyDenied: 17,
      attacksDenied: 17,
      legitimateBroken: 0,
    })
    expect(
      result.groups.every(({ attack: marked, source }) => marked && source.key === 'shop/foothold'),
    ).toBe(true)
    expect(
      result.groups.map(({ ports }) => ports),
      'one group for all ports of the scan',
    ).toContainEqual(expect.arrayContaining(Array.from({ length: 10 }, (_, i) => 7000 + i)))
  })

  test('what a policy breaks is named, and leaving a policy out as well', () => {
    using here = world()
    here.report({
      workloads: SHOP,
      flows: [flow(), flow({ source: end('prometheus', 'monitoring'), port: 9187, connections: 3 })],
    })
    const broken = simulateView(here.ports, {
      window: WINDOW,
      documents: documents(protectDb('Enforce')),
      without: [],
    })
    expect(broken).toMatchObject({ newlyDenied: 3, legitimateBroken: 3, attacksDenied: 0, unchanged: 1 })
    expect(broken.groups).toMatchObject([
      {
        source: {
          key: 'monitoring/prometheus',
          kind: 'workload',
          namespace: 'monitoring',
          name: 'prometheus',
        },
        before: 'allowed',
        after: 'denied',
        by: 'SecurityPolicy/shop/db#ingress',
      },
    ])
    here.apply(protectDb('Enforce'))
    const without = simulateView(here.ports, {
      window: WINDOW,
      documents: [],
      without: ['SecurityPolicy/shop/db'],
    })
    expect(without).toMatchObject({ newlyAllowed: 3, newlyDenied: 0 })
  })

  const asks = (rule: string) => `
apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata: { name: db, namespace: shop }
spec:
  mode: Enforce
  subject: { podSelector: { matchLabels: { app: db } } }
  ingress: [{ ports: [{ protocol: TCP, port: 5432 }], ${rule} }]
`
  test('an application on record is judged, and what depends on requests is counted apart', () => {
    using here = world()
    const spoken = ['postgresql', 'ssh'].map(application => flow({ application }))
    here.report({ workloads: SHOP, flows: [...spoken, flow({ connections: 4 })] })
    const trial = (rule: string) =>
      simulateView(here.ports, { window: WINDOW, documents: documents(asks(rule)), without: [] })
    expect(trial('applications: [postgresql]')).toMatchObject({
      unchanged: 1,
      legitimateBroken: 1,
      undecided: 4,
      groups: [{ after: 'denied', connections: 1 }],
    })
    expect(trial('l7: [{ sql: { statements: [select] } }]')).toMatchObject({
      flows: 6,
      unchanged: 0,
      legitimateBroken: 1,
      undecided: 5,
    })
  })

  test('an explanation takes what was last spoken there for granted, unless told otherwise', () => {
    using here = world()
    here.report({ workloads: SHOP, flows: [flow({ application: 'ssh' }), flow({ outcome: 'denied' })] })
    here.apply(asks('applications: [postgresql]'))
    const ask = (application?: string) =>
      explainView(here.ports, { source: 'shop/web', destination: 'shop/db', protocol: 'TCP', application })
    expect(ask()).toMatchObject({ application: 'ssh', outcome: 'denied' })
    expect(ask().sentences.en).toContain('What is spoken is ssh.')
    expect(ask('postgresql')).toMatchObject({ outcome: 'allowed', why: 'rule-allow' })
    explanation.parse(ask())
  })

  test('a node goes on reaching its own workloads', () => {
    using here = world()
    const probe = flow({ source: { ip: '10.9.9.9' }, why: 'own-node', connections: 3 })
    here.report({ workloads: SHOP, flows: [probe] })
    const result = simulateView(here.ports, {
      window: WINDOW,
      documents: documents(protectDb('Enforce')),
      without: [],
    })
    expect(result).toMatchObject({ flows: 3, unchanged: 3, legitimateBroken: 0, groups: [] })
  })

  test('an old connection that still speaks is one conversation', () => {
    using here = world()
    here.report({
      workloads: SHOP,
      flows: [flow({ source: end('prometheus', 'monitoring'), connections: 0 })],
    })
    const result = simulateView(here.ports, {
      window: WINDOW,
      documents: documents(protectDb('Enforce')),
      without: [],
    })
    expect(result).toMatchObject({ flows: 1, legitimateBroken: 1 })
  })

  test.each<[string, string, string]>([
    ['shop/web', 'shop/db', 'allowed'],
    ['shop/web-1', '10.0.0.2', 'allowed'],
    ['web', 'db', 'allowed'],
    ['pod:shop/foothold-1', 'shop/db-1', 'denied'],
    ['10.0.1.1', 'db', 'denied'],
    ['192.0.2.1', 'shop/db', 'denied'],
  ])('%s to %s is %s', (source, destination, outcome) => {
    using here = world()
    here.report({ workloads: SHOP, flows: [flow()] })
    here.apply(protectDb('Enforce'))
    const view = explainView(here.ports, { source, destination, port: 5432, protocol: 'tcp' })
    explanation.parse(view)
    expect(view.outcome).toBe(outcome)
    expect(view.sentences.ja.length).toBe(view.sentences.en.length)
    expect(view.change === undefined).toBe(outcome === 'allowed')
  })

  test('without a port it asks about the last one seen', () => {
    using here = world()
    here.report({ workloads: SHOP, flows: [flow()] })
    here.apply(protectDb('Enforce'))
    expect(explainView(here.ports, { source: 'web', destination: 'db', protocol: 'TCP' }).outcome).toBe(
      'allowed',
    )
    expect(() => explainView(here.ports, { source: 'db', destination: 'web', protocol: 'TCP' })).toThrow(
      /which port/,
    )
  })

  test.each([
    [{ source: 'shop/none', destination: 'db', protocol: 'TCP' }, /no workload shop\/none/],
    [{ source: 'twin', destination: 'db', protocol: 'TCP' }, /monitoring\/twin or shop\/twin/],
    [{ source: 'web', destination: 'db', protocol: 'IP/256' }, /no protocol/],
  ])('%o is refused', (request, reason) => {
    using here = world()
    here.report({ workloads: [...SHOP, pod('twin'), pod('twin', 'monitoring')] })
    expect(() => explainView(here.ports, { port: 1, ...request })).toThrow(reason)
  })

  test('other documents can be asked instead of those in force', () => {
    using here = world()
    here.report({ workloads: SHOP })
    const ask = (mode: string) =>
      explainView(here.ports, {
        source: 'foothold',
        destination: 'db',
        port: 1,
        protocol: 'TCP',
        documents: documents(protectDb(mode)),
      }).outcome
    expect(['Learn', 'Audit', 'Enforce'].map(ask)).toEqual(['allowed', 'audited', 'denied'])
  })
})
