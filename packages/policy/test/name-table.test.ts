import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileNames } from '../src/documents/fqdn.ts'
import {
  createTableCompiler,
  isResolver,
  type NameMove,
  type PolicyDocument,
  type RuleTable,
  treatByTable,
} from '../src/index.ts'
import { WORKLOADS, web } from './asking.ts'
import { modelOf, NODE, workload } from './builders.ts'

const NODE_A = { name: NODE, addresses: [] }
const [FIRST, SECOND] = ['203.0.113.1', '203.0.113.2'] as const
const came = (name: string, ip: string): NameMove => ({ name, ip, came: true })
const went = (name: string, ip: string): NameMove => ({ name, ip, came: false })

/** What the table's sets of names hold, by pattern. */
const named = (table: RuleTable) =>
  Object.fromEntries(
    [...table.sets.values()].flatMap(set => (set.kind === 'name' ? [[set.pattern, [...set.members]]] : [])),
  )

const toNames = (...patterns: readonly string[]) => ({ to: patterns.map(fqdn => ({ fqdn })) })
const allow = web('allow', { egress: [toNames('*.example.com', 'example.org')] })
const deny = web('deny', { egress: [{ action: 'Deny', ...toNames('*.example.com') }] })
const packet = (destination: string, port = 443) =>
  ({ source: '10.0.0.1', destination, protocol: 'TCP', port }) as const

describe('sets of names', () => {
  test('hold what led there, by whole names and by endings', () => {
    const compiler = createTableCompiler(modelOf(WORKLOADS, [allow]), NODE_A)
    compiler.learn([
      came('a.example.com', FIRST),
      came('a.b.example.com', SECOND),
      came('example.com', '203.0.113.3'),
      came('badexample.com', '203.0.113.4'),
      came('example.org', '2001:db8::1'),
      came('www.example.org', '203.0.113.5'),
    ])
    expect(named(compiler.table)).toEqual({
      '*.example.com': [FIRST, SECOND],
      'example.org': ['2001:db8::1'],
    })
  })

  test('an address stays while any of its names is known, and a move that is known already is none', () => {
    const compiler = createTableCompiler(modelOf(WORKLOADS, [allow]), NODE_A)
    compiler.learn([came('a.example.com', FIRST)])
    expect(compiler.learn([came('b.example.com', FIRST), came('a.example.com', FIRST)]).members).toEqual([])
    expect(compiler.learn([went('a.example.com', FIRST), went('a.example.com', FIRST)]).members).toEqual([])
    expect(compiler.learn([went('b.example.com', FIRST)]).members).toMatchObject([
      { add: [], remove: [FIRST] },
    ])
  })

  test('a set that comes later begins with what is known', () => {
    const names = [{ name: 'a.example.com', ip: FIRST }]
    const model = modelOf(WORKLOADS, [])
    const compiler = createTableCompiler(model, NODE_A, { names: { entries: () => names } })
    expect([named(compiler.table), compiler.asksFor('a.example.com')]).toEqual([{}, false])
    compiler.update(model.update({ policies: { set: [allow] } }))
    expect(named(compiler.table)).toEqual({ '*.example.com': [FIRST], 'example.org': [] })
    expect(
      ['a.example.com', 'example.org', 'example.com', 'a.example.org'].map(name => compiler.asksFor(name)),
    ).toEqual([true, true, false, false])
    compiler.update(model.update({ policies: { removed: [allow.id] } }))
    expect([named(compiler.table), compiler.asksFor('a.example.com')]).toEqual([{}, false])
  })

  test('tell which names rules deny by', () => {
    const compiler = createTableCompiler(modelOf(WORKLOADS, [allow, deny]), NODE_A)
    expect(['a.example.com', 'example.org', 'a.test'].map(name => compiler.deniesBy(name))).toEqual([
      true,
      false,
      false,
    ])
  })

  test.each<[string, PolicyDocument, NameMove, boolean, boolean]>([
    ['what more is allowed', allow, came('a.example.com', FIRST), false, true],
    ['what more is denied', deny, came('a.example.com', FIRST), false, false],
    ['what is denied no longer', deny, went('a.example.com', SECOND), false, true],
    [
      'a name that is over, where connections may outlive it',
      allow,
      went('a.example.com', SECOND),
      false,
      true,
    ],
    ['and where they may not', allow, went('a.example.com', SECOND), true, false],
  ])('verdicts stay or not: %s', (_, policy, move, cuts, lasts) => {
    const names = [{ name: 'a.example.com', ip: SECOND }]
    const compiler = createTableCompiler(modelOf(WORKLOADS, [policy]), NODE_A, {
      names: { entries: () => names },
    })
    const change = compiler.learn([move], cuts)
    expect(change.members).toHaveLength(1)
    expect(change.isLasting === true).toBe(lasts)
  })
})

describe('resolvers', () => {
  const dns = workload('kube-system/dns', '10.0.0.53', { labels: { 'k8s-app': 'kube-dns' } })
  const compiled = (...policies: readonly PolicyDocument[]) =>
    createTableCompiler(modelOf([...WORKLOADS, dns], policies), NODE_A, { resolvers: ['192.0.2.53'] }).table
  const ask = (destination: string, port = 53) => ({ ...packet(destination, port), protocol: 'UDP' }) as const

  test.each<[string, string, number, boolean]>([
    ['the cluster’s', '10.0.0.53', 53, true],
    ['on another port', '10.0.0.53', 80, false],
    ['the node’s', '192.0.2.53', 53, true],
    ['the cache on the node', '169.254.20.10', 53, true],
    ['anybody else', '203.0.113.53', 53, false],
  ])('%s', (_, ip, port, expected) => {
    const table = compiled(allow, web('dns', { egress: [{}] }))
    expect(isResolver(table, ask(ip, port))).toBe(expected)
    const read = expected ? { kind: 'inspect', onFailure: 'open' } : { kind: 'pass' }
    expect(treatByTable(table, ask(ip, port))).toEqual(read)
  })

  test('are read only where a rule asks for names', () => {
    const table = compiled(web('dns', { egress: [{}] }))
    expect(isResolver(table, ask('10.0.0.53'))).toBe(false)
    expect(treatByTable(table, ask('10.0.0.53'))).toEqual({ kind: 'pass' })
  })

  test('are not allowed by being read', () => {
    expect(treatByTable(compiled(allow), ask('10.0.0.53'))).toEqual({ kind: 'drop' })
  })
})

test('sets hold what `decide` knows by name, and the table asks for inspection where a name that is known leaves the verdict open', () => {
  const name = fc.constantFrom('example.org', 'a.example.com', 'b.a.example.com', 'c.test')
  const ip = fc.constantFrom(FIRST, SECOND, '2001:db8::1')
  const rule = fc.record({
    action: fc.constantFrom('Allow', 'Deny'),
    patterns: fc.subarray(['example.org', '*.example.com', '*.a.example.com', 'c.test'], { minLength: 1 }),
    ports: fc.constantFrom(undefined, [{ port: 443 }], [{ port: 80 }]),
  })
  const policies = fc.array(fc.array(rule, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })
  const moves = fc.array(fc.record({ name, ip, came: fc.boolean() }), { maxLength: 12 })
  fc.assert(
    fc.property(policies, fc.boolean(), moves, (written, opens, told) => {
      const documents = written.map((rules, index) =>
        web(`p${index}`, {
          egress: rules.map(({ action, patterns, ports }) => ({
            action,
            ...toNames(...patterns),
            ...(ports && { ports }),
          })),
        }),
      )
      const model = modelOf(WORKLOADS, [...documents, ...(opens ? [web('all', { egress: [{}] })] : [])])
      const compiler = createTableCompiler(model, NODE_A)
      const known = new Map<string, Set<string>>()
      for (const move of told) {
        const names = known.get(move.ip) ?? new Set()
        known.set(move.ip, names)
        if (move.came) names.add(move.name)
        else names.delete(move.name)
        compiler.learn([move])
      }
      for (const [pattern, members] of Object.entries(named(compiler.table))) {
        const isNamed = compileNames([pattern])
        const led = [...known].filter(([, names]) => [...names].some(isNamed)).map(([address]) => address)
        expect(new Set(members)).toEqual(new Set(led))
      }
      for (const destination of [FIRST, SECOND, '2001:db8::1']) {
        const { verdict, inspect } = model.decide({
          source: { ip: '10.0.0.1' },
          destination: { ip: destination },
          protocol: 'TCP',
          port: 443,
          facts: { names: [...(known.get(destination) ?? [])] },
        })
        const treatment = treatByTable(compiler.table, packet(destination))
        // Asked too often is slow; asked too seldom would be wrong.
        if (treatment.kind === 'inspect') expect(known.get(destination)?.size).toBeGreaterThan(0)
        else expect([verdict, inspect]).toEqual([treatment.kind === 'pass' ? 'allow' : 'deny', undefined])
        if (inspect) expect(treatment).toEqual({ kind: 'inspect', onFailure: inspect.onFailure })
      }
    }),
    { numRuns: 300 },
  )
})
