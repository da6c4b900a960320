import { parseIp } from '@sekisho/core'
import type { AddressSet, Attachment, RuleTable, TableChange, TableRule } from '@sekisho/policy'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Command, createRuleset, type InspectionRules, type Ruleset } from '../src/index.ts'
import { counterName, ruleKey } from '../src/names.ts'
import { KernelTable } from './kernel.ts'
import { attachment, chain, isolation, rule, selector, table } from './tables.ts'

const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1', 'fd00::2', '10.0.0.4']
const blocks = ['10.1.0.0', 'fd01::'].map(text => {
  const ip = parseIp(text)
  if (!ip) throw new TypeError(text)
  return { family: ip.family, first: ip.value, last: ip.value + 255n }
})

/** What a table is made of: small numbers from which everything else follows, so that changes stay consistent. */
interface Recipe {
  /** Members of each of three selector sets, as indexes of `addresses`. */
  readonly members: readonly (readonly number[])[]
  /** The chain of each of four workloads, in enforce and in audit; its addresses; whether it has an interface. The last is the node, where it has none. */
  readonly pods: readonly {
    readonly present: boolean
    readonly chain: number
    readonly audit: number
    readonly at: number
    readonly link: boolean
  }[]
}

const recipe: fc.Arbitrary<Recipe> = fc.record({
  members: fc.array(fc.uniqueArray(fc.nat(5), { maxLength: 4 }), { minLength: 3, maxLength: 3 }),
  pods: fc.array(
    fc.record({
      present: fc.boolean(),
      chain: fc.nat(4),
      audit: fc.nat(4),
      at: fc.nat(5),
      link: fc.boolean(),
    }),
    { minLength: 4, maxLength: 4 },
  ),
})

const PORTS = [80, 443, 5432]
/** Chains 1 to 4; 0 is none. Chain 4 has a run long enough to be a map, with a rule for every port; chain 3 has a `next`. */
const chainRules = (index: number) => {
  const peers = [`s${(index - 1) % 3}`]
  const ports = [{ protocol: 'TCP' as const, ports: [[80, 80] as const] }]
  const first = rule(index, { peers, ports })
  if (index === 3)
    return [
      [rule(30, { action: 'next', peers: ['r'] }), rule(31, { action: 'deny', peers })],
      [first, isolation],
    ]
  const open: TableRule = { ...first, action: 'inspect', may: 'allow', onFailure: 'open' }
  if (index === 2) return [[first, open, isolation]]
  if (index !== 4) return [[first, isolation]]
  const many = PORTS.flatMap(port =>
    [0, 1, 2].map(set =>
      rule(40 + port + set, {
        peers: [`s${set}`],
        ports: [{ protocol: 'TCP' as const, ports: [[port, port] as const] }],
      }),
    ),
  )
  const everyPort = rule(47, { peers: ['s1'] })
  return [
    [...many.slice(0, 5), everyPort, ...many.slice(5), rule(49, { ports: [], namedPorts: ['n'] }), isolation],
  ]
}

const setsOf = (index: number): readonly string[] =>
  index === 4 ? ['s0', 's1', 's2', 'n'] : index === 3 ? ['s2', 'r'] : index === 0 ? [] : [`s${index - 1}`]

function cook({ members, pods }: Recipe): RuleTable {
  const attachments = pods.flatMap(({ present, chain: enforce, audit, at, link }, index): Attachment[] => {
    if (!present) return []
    const { interface: name, ...rest } = attachment(`p${index}`, {
      addresses: [addresses[at] ?? ''],
      enforce: enforce === 0 ? {} : { ingress: `c${enforce}` },
      audit: audit === 0 ? {} : { ingress: `c${audit}` },
    })
    if (link && name !== undefined) return [{ ...rest, interface: name }]
    return [index === 3 ? { ...rest, isNode: true } : rest]
  })
  const used = new Set(pods.filter(({ present }) => present).flatMap(({ chain: a, audit }) => [a, audit]))
  used.delete(0)
  const needed = new Set([...used].flatMap(setsOf))
  const all = [
    ...members.map((list, index) => selector(`s${index}`, ...list.map(at => addresses[at] ?? ''))),
    { kind: 'range' as const, id: 'r', ranges: blocks },
    {
      kind: 'named-port' as const,
      id: 'n',
      members: new Set((members[0] ?? []).map(at => `${addresses[at]}|TCP|80`)),
    },
  ]
  return table({
    sets: all.filter(({ id }) => needed.has(id)),
    chains: [...used].map(index => chain(`c${index}`, chainRules(index))),
    attachments,
  })
}

/** The change that a compiler would report between two tables. */
function between(before: RuleTable, after: RuleTable): TableChange {
  const added = <V>(a: ReadonlyMap<string, V>, b: ReadonlyMap<string, V>) =>
    [...b.keys()].filter(key => !a.has(key))
  const members = [...after.sets].flatMap(([id, set]) => {
    const old = before.sets.get(id)
    if (!old || old.kind === 'range' || set.kind === 'range') return []
    const add = [...set.members].filter(member => !old.members.has(member))
    const remove = [...old.members].filter(member => !set.members.has(member))
    return add.length + remove.length > 0 ? [{ set: id, add, remove }] : []
  })
  const workloads = [...new Set([...before.attachments.keys(), ...after.attachments.keys()])]
  return {
    members,
    setsAdded: added(before.sets, after.sets),
    setsRemoved: added(after.sets, before.sets),
    chainsAdded: added(before.chains, after.chains),
    chainsRemoved: added(after.chains, before.chains),
    attachments: workloads.filter(
      id => JSON.stringify(before.attachments.get(id)) !== JSON.stringify(after.attachments.get(id)),
    ),
  }
}

/** One pod behind each of so many interfaces. */
const crowd = (pods: number): RuleTable =>
  table({
    attachments: Array.from({ length: pods }, (_, at) =>
      attachment(`${at}`, { addresses: [`10.2.${at >> 8}.${at & 255}`] }),
    ),
  })

/** What a change does, or a rebuild where it must be one. */
function follow(ruleset: Ruleset, ...change: Parameters<Ruleset['update']>): readonly Command[] {
  return ruleset.update(...change) ?? ruleset.rebuild()
}

describe('ruleset', () => {
  test.each<[string, InspectionRules | undefined]>([
    ['', undefined],
    [', with queues', { queues: { first: 40, workers: 1 }, identify: 'services' }],
  ])('any sequence of changes leaves the kernel as a full rebuild does%s', (_what, inspection) => {
    fc.assert(
      fc.property(fc.array(recipe, { minLength: 2, maxLength: 8 }), recipes => {
        const tables = recipes.map(cook)
        const [first, ...rest] = tables
        if (!first) return
        const kernel = new KernelTable()
        const ruleset = createRuleset(first, 1, inspection)
        kernel.commit(ruleset.rebuild().map(command => command.operation()))
        let [before, generation] = [first, 1]
        for (const after of rest) {
          const commands = follow(ruleset, after, between(before, after), ++generation)
          kernel.commit(commands.map(command => command.operation()))
          before = after
          const fresh = new KernelTable()
          fresh.commit(
            createRuleset(after, generation, inspection)
              .rebuild()
              .map(command => command.operation()),
          )
          expect(kernel.snapshot()).toEqual(fresh.snapshot())
        }
        kernel.commit(ruleset.rebuild().map(command => command.operation()))
        const fresh = new KernelTable()
        fresh.commit(
          createRuleset(before, generation, inspection)
            .rebuild()
            .map(command => command.operation()),
        )
        expect(kernel.snapshot()).toEqual(fresh.snapshot())
      }),
      { numRuns: 25 },
    )
  })

  test('a pod that comes or goes elsewhere is elements only', () => {
    const chains = [chain('c', [[rule(0, { peers: ['s'] }), isolation]])]
    const attachments = [attachment('a', { enforce: { ingress: 'c' } })]
    const before = table({ sets: [selector('s', '10.1.0.1')], chains, attachments })
    const after = table({ sets: [selector('s', '10.1.0.2', 'fd00::2')], chains, attachments })
    const commands = follow(createRuleset(before, 1), after, between(before, after), 2)
    const texts = commands.map(({ text }) => text.replaceAll(/_[\w-]{22}/g, '_…'))
    expect(texts).toEqual([
      'delete element inet sekisho p4_… { 10.1.0.1 }',
      'delete element inet sekisho current { 0x00001000 }',
      'delete element inet sekisho allowed { 0x00001000 }',
      'add element inet sekisho p4_… { 10.1.0.2 }',
      'add element inet sekisho p6_… { fd00::2 }',
      'add element inet sekisho current { 0x00002000 }',
      'add element inet sekisho allowed { 0x00002000 : accept }',
      'flush chain inet sekisho stamp',
      'add rule inet sekisho stamp ct mark set ct mark & 0x00000fff | 0x00002000',
      'flush chain inet sekisho stamp_denied',
      'add rule inet sekisho stamp_denied ct mark set ct mark & 0x00000fff | 0x20002000',
    ])
  })

  test('more pods than the sets of every packet have room for make room for twice as many', () => {
    const ruleset = createRuleset(crowd(500), 1)
    const kernel = new KernelTable()
    const sizes = () =>
      new Set(
        ruleset.rebuild().flatMap(({ text }) => /map inet sekisho own_4 .* size (\d+)/.exec(text)?.[1] ?? []),
      )
    kernel.commit(ruleset.rebuild().map(command => command.operation()))
    expect(sizes()).toEqual(new Set(['1024']))
    expect(ruleset.update(crowd(1_024), between(crowd(500), crowd(1_024)), 2)).toBeDefined()
    expect(ruleset.update(crowd(1_025), between(crowd(1_024), crowd(1_025)), 3)).toBeUndefined()
    kernel.commit(ruleset.rebuild().map(command => command.operation()))
    expect(sizes()).toEqual(new Set(['4096']))
    const commands = ruleset.update(crowd(4_096), between(crowd(1_025), crowd(4_096)), 4) ?? []
    kernel.commit(commands.map(command => command.operation()))
    expect(JSON.stringify(kernel.snapshot())).toContain('10,2,15,255')
  })

  describe('a run of rules that let peers pass', () => {
    const TCP = (port: number) => [{ protocol: 'TCP' as const, ports: [[port, port] as const] }]
    const run = [
      rule(0, { peers: ['a', 'b'], ports: TCP(80) }),
      rule(1, { peers: ['b', 'c'] }),
      rule(2, { peers: ['a', 'b', 'c'], ports: TCP(443) }),
    ]
    const cooked = (sets: readonly AddressSet[]) =>
      table({
        sets,
        chains: [chain('c', [[...run, isolation]])],
        attachments: [attachment('w', { enforce: { ingress: 'c' } })],
      })
    const LETTERS = new Map(run.map(({ id }, at) => [counterName('enforce', ruleKey(id)), `rule ${at}`]))
    /** What addresses may do, by the port asked for; `any` beside a port is asked after it. */
    function meaning(commands: readonly Command[]): Record<string, readonly string[]> {
      const elements = commands.flatMap(({ text }) => {
        const [, set = '', list = ''] = /^add element inet sekisho (\S+) \{ (.*) \}$/.exec(text) ?? []
        return list.split(', ').map(element => ({ set, pair: element.split(' : ') }))
      })
      const classes = elements.filter(({ set }) => set.startsWith('class_'))
      const ends = elements.filter(({ set }) => /^[ma]_/.test(set))
      return Object.fromEntries(
        classes.map(({ pair: [address = '', name = ''] }) => [
          address,
          ends.flatMap(({ pair: [key = '', counter = ''] }) =>
            key.startsWith(name)
              ? [`${key.slice(name.length + 3) || 'any'}: ${LETTERS.get(JSON.parse(counter) as string)}`]
              : [],
          ),
        ]),
      )
    }

    test('is elements: who is alike, and which rule lets them pass', () => {
      const sets = [
        selector('a', '10.0.0.1', 'fd00::1'),
        selector('b', '10.0.0.2'),
        selector('c', '10.0.0.2'),
      ]
      expect(meaning(createRuleset(cooked(sets), 1).rebuild())).toEqual({
        '10.0.0.1': ['tcp . 80: rule 0', 'tcp . 443: rule 2'],
        'fd00::1': ['tcp . 80: rule 0', 'tcp . 443: rule 2'],
        // Rule 1 comes before rule 2 and is for every port.
        '10.0.0.2': ['tcp . 80: rule 0', 'tcp . 443: rule 1', 'any: rule 1'],
      })
    })

    test('follows the labels of a peer by one element for each address', () => {
      const before = cooked([selector('a', '10.0.0.1'), selector('b', '10.0.0.2'), selector('c')])
      const after = cooked([selector('a'), selector('b', '10.0.0.2', '10.0.0.1'), selector('c')])
      const texts = follow(createRuleset(before, 1), after, between(before, after), 2)
        .map(({ text }) => text)
        .filter(text => /element inet sekisho class/.test(text))
      expect(texts).toEqual([
        expect.stringMatching(/^delete element inet sekisho class_4 \{ 10\.0\.0\.1 \}$/),
        expect.stringMatching(
          /^add element inet sekisho class_4 \{ 10\.0\.0\.1 : [0-9a-f]{4}:[0-9a-f]{4} \}$/,
        ),
      ])
    })

    test('is rules and sets again while a set has too many members', () => {
      const crowd = Array.from({ length: 257 }, (_, at) => `10.1.${at >> 8}.${at & 255}`)
      const few = cooked([selector('a', '10.0.0.1'), selector('b'), selector('c')])
      const many = cooked([selector('a', ...crowd), selector('b'), selector('c')])
      const kernel = new KernelTable()
      const ruleset = createRuleset(few, 1)
      kernel.commit(ruleset.rebuild().map(command => command.operation()))
      for (const [at, [before, after]] of [
        [few, many],
        [many, few],
      ].entries()) {
        if (!before || !after) throw new TypeError('two tables')
        kernel.commit(
          follow(ruleset, after, between(before, after), at + 2).map(command => command.operation()),
        )
        const fresh = new KernelTable()
        fresh.commit(
          createRuleset(after, at + 2)
            .rebuild()
            .map(command => command.operation()),
        )
        expect(kernel.snapshot()).toEqual(fresh.snapshot())
        expect(JSON.stringify(kernel.snapshot()).includes('10,1,1,0')).toBe(after === many)
      }
    })
  })

  test('an address claimed by two workloads goes to the first by name, whichever came first', () => {
    const chains = ['c1', 'c2'].map(id => chain(id, [[isolation]]))
    const { interface: _, ...a } = attachment('a', { addresses: ['10.0.0.9'], enforce: { ingress: 'c1' } })
    const b = { ...a, ...attachment('b', { addresses: a.addresses, enforce: { ingress: 'c2' } }) }
    const { interface: __, ...plain } = b
    const elements = (list: readonly Attachment[]) =>
      createRuleset(table({ chains, attachments: list }), 1)
        .rebuild()
        .map(({ text }) => text)
        .filter(text => text.startsWith('add element inet sekisho ingress_4'))
    expect(elements([a, plain])).toEqual(elements([plain, a]))
  })
})
