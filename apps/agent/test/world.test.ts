import { type Namespace, type NodeName, type StateSnapshot, type Workload, workloadId } from '@sekisho/core'
import { createModel } from '@sekisho/policy'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { needsOf } from '../src/kernel/lifeline.ts'
import { World } from '../src/world.ts'
import { NODE, policy, SHOP, workload } from './builders.ts'

const snapshot = (changes: Partial<StateSnapshot> = {}): StateSnapshot => ({
  kind: 'snapshot',
  revision: 1,
  namespaces: [SHOP],
  workloads: [],
  policies: [],
  ...changes,
})
const remote = (name: string) => workload(name, { node: 'n2' as NodeName, addresses: ['10.0.1.1'] })

const MACHINE: Workload = {
  ...workload('vm', { kind: 'external', addresses: ['203.0.113.7', '10.0.0.1'] }),
  id: workloadId('external', 'shop', 'vm'),
}

/** A world and the model that follows it, as in the agent. */
function setUp() {
  const world = new World(NODE)
  const model = createModel()
  return {
    world,
    model,
    receive(message: Parameters<World['receive']>[0]) {
      const change = world.receive(message)
      if (change.ok) model.update(change.value)
      return change
    },
    report(workloads: readonly Workload[], namespaces: readonly Namespace[] = []) {
      model.update(world.report({ namespaces, workloads }))
    },
    names: () => [...model.workloads.values()].map(({ name }) => name).toSorted(),
  }
}

describe('own workloads over the server’s', () => {
  test('until the sources speak the server’s word for this node stands', () => {
    const { receive, names } = setUp()
    receive(snapshot({ workloads: [workload('a'), remote('b')] }))
    expect(names()).toEqual(['a', 'b'])
  })

  test('what the node does not have any more is gone, what it has is as it says', () => {
    const { receive, report, names, model } = setUp()
    receive(snapshot({ workloads: [workload('old'), remote('b')] }))
    report([workload('new', { labels: { app: 'changed' } })])
    expect(names()).toEqual(['b', 'new'])
    receive({ kind: 'delta', revision: 2, workloads: { set: [workload('new'), workload('old')] } })
    expect(names()).toEqual(['b', 'new'])
    expect(model.workloads.get(workload('new').id)?.labels).toEqual({ app: 'changed' })
  })

  test('pods have the addresses that they were given before the server knows of them', () => {
    const { world, receive, model } = setUp()
    const attach = (attached: Parameters<World['attach']>[0]) => model.update(world.attach(attached))
    const owner = (ip: string) => model.workloadAt(ip)?.name
    const [old, fresh] = [
      workload('a-old', { addresses: ['10.0.0.7'] }),
      workload('fresh', { addresses: [] }),
    ]
    const claims = workload('a-far', { node: 'n2' as NodeName, addresses: ['10.0.0.8'] })
    attach(new Map([[fresh.id, ['10.0.0.7', '10.0.0.8']]]))
    expect(world.knows(fresh.id)).toBe(false)
    receive(snapshot({ workloads: [old, fresh, claims] }))
    expect(world.knows(fresh.id)).toBe(true)
    // Whoever had them, and wherever else they are said to be.
    expect(['10.0.0.7', '10.0.0.8'].map(owner)).toEqual(['fresh', 'fresh'])
    attach(new Map())
    expect(['10.0.0.7', '10.0.0.8'].map(owner)).toEqual(['a-old', 'a-far'])
    receive({ kind: 'delta', revision: 2, workloads: { set: [{ ...fresh, state: 'terminating' }] } })
    expect([fresh.id, claims.id].map(id => world.knows(id))).toEqual([false, false])
  })

  test('an address of an own workload is nobody else’s here, whatever other nodes claim', () => {
    const { receive, report, model } = setUp()
    // The first by name of two claimants would own the address.
    const thief = workload('a-thief', { node: 'n2' as NodeName, addresses: ['10.0.0.1', '10.0.1.9'] })
    const owner = (ip: string) => model.workloadAt(ip)?.name
    receive(snapshot({ workloads: [thief] }))
    expect(owner('10.0.0.1')).toBe('a-thief')
    report([workload('victim', { addresses: ['10.0.0.1'] })])
    expect([owner('10.0.0.1'), owner('10.0.1.9')]).toEqual(['victim', 'a-thief'])
    receive({ kind: 'delta', revision: 2, workloads: { set: [{ ...thief, labels: { app: 'x' } }] } })
    expect(owner('10.0.0.1')).toBe('victim')
    report([])
    expect(owner('10.0.0.1')).toBe('a-thief')
  })

  test('a workload that moves to another node is the server’s from then on', () => {
    const { receive, report, model } = setUp()
    report([workload('a')])
    receive(snapshot({ workloads: [workload('a', { node: 'n2' as NodeName, addresses: ['10.0.1.9'] })] }))
    report([])
    expect(model.workloads.get(workload('a').id)?.addresses).toEqual(['10.0.1.9'])
  })

  test('a namespace of both has the node’s labels', () => {
    const { receive, report, model } = setUp()
    receive(snapshot())
    report([], [{ name: 'shop', labels: { team: 'x' } }])
    expect(model.namespaces.get('shop')?.labels).toEqual({ team: 'x' })
    report([])
    expect(model.namespaces.get('shop')).toEqual(SHOP)
  })

  test('the server lags when it lacks or misstates something of this node', () => {
    const { world, receive, report } = setUp()
    receive(snapshot())
    expect(world.serverLags()).toBe(false)
    report([workload('a')])
    expect(world.serverLags()).toBe(true)
    receive({ kind: 'delta', revision: 2, workloads: { set: [workload('a')] } })
    expect(world.serverLags()).toBe(false)
    report([])
    expect(world.serverLags()).toBe(true)
  })
})

describe('policies', () => {
  test('one bad document refuses the message whole, and the last good state stays', () => {
    const { world, receive, model } = setUp()
    receive(snapshot({ policies: [policy('a')] }))
    const bad = policy('c', { podSelector: { matchLabels: { app: 7 } } })
    const refused = receive({ kind: 'delta', revision: 2, policies: { set: [policy('b'), bad] } })
    expect(refused).toMatchObject({ ok: false, error: expect.stringContaining('policy 1: ') as unknown })
    expect([...model.policies.keys()]).toEqual(['NetworkPolicy/shop/a'])
    expect(world.revision).toBe(1)
  })

  test('a snapshot removes what is not in it, a delta only what it names', () => {
    const { receive, model } = setUp()
    receive(snapshot({ policies: [policy('a'), policy('b')] }))
    receive({ kind: 'delta', revision: 2, policies: { removed: ['NetworkPolicy/shop/a', 'no/such/thing'] } })
    expect([...model.policies.keys()]).toEqual(['NetworkPolicy/shop/b'])
    receive(snapshot({ revision: 3, policies: [policy('c')] }))
    expect([...model.policies.keys()]).toEqual(['NetworkPolicy/shop/c'])
  })
})

test('the model is a function of the last inputs, whatever the way to them', () => {
  const NAMES = ['a', 'b', 'c', 'd']
  const some = fc.subarray(NAMES)
  const label = fc.constantFrom('x', 'y')
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('server' as const),
      local: some,
      far: some,
      label,
      policies: some,
      isJudged: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('report' as const), local: some, label }),
  )
  const labelled = (names: readonly string[], text: string) =>
    names.map(name => workload(name, { labels: { text } }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), steps => {
      const [long, short] = [setUp(), setUp()]
      for (const { world } of [long, short]) {
        world.address(['192.168.0.7', '10.0.0.1'])
        world.need(needsOf(['198.51.100.1'], 7444, []))
      }
      const play = (to: typeof long, each: (typeof steps)[number]) => {
        if (each.kind === 'report') {
          to.report(labelled(each.local, each.label))
          return
        }
        const workloads = [
          ...labelled(each.local, each.label),
          ...each.far.map(name => remote(`far-${name}`)),
          ...(each.isJudged ? [MACHINE] : []),
        ]
        to.receive(snapshot({ workloads, policies: each.policies.map(name => policy(name)) }))
      }
      for (const each of steps) play(long, each)
      for (const kind of ['server', 'report'] as const) {
        const last = steps.findLast(each => each.kind === kind)
        if (last) play(short, last)
      }
      expect(new Map(long.model.workloads)).toEqual(new Map(short.model.workloads))
      expect(new Map(long.model.policies)).toEqual(new Map(short.model.policies))
    }),
    { numRuns: 200 },
  )
})

test('the snapshot on disk leads to the same world', () => {
  const { world, receive } = setUp()
  receive(snapshot({ history: 'run', revision: 5, workloads: [remote('b')], policies: [policy('a')] }))
  const again = setUp()
  expect(again.receive(world.snapshot() ?? snapshot()).ok).toBe(true)
  expect(again.world.snapshot()).toEqual(world.snapshot())
  expect(again.world.position).toEqual({ history: 'run', revision: 5 })
})

describe('the machine itself, as an external workload', () => {
  const [machine, id] = [MACHINE, MACHINE.id]

  test('stays what was declared, whatever its containers are, with every address that it has', () => {
    const { world, receive, report, model } = setUp()
    model.update(world.address(['192.168.0.7', 'fd00::7']))
    receive(snapshot({ workloads: [machine, remote('b')] }))
    report([workload('container')])
    expect(model.workloads.get(id)?.addresses).toEqual(['203.0.113.7', '192.168.0.7', 'fd00::7'])
    model.update(world.address(['192.168.0.8']))
    expect(model.workloads.get(id)?.addresses).toEqual(['203.0.113.7', '192.168.0.8'])
    expect(world.serverLags()).toBe(true)
    receive({ kind: 'delta', revision: 2, workloads: { set: [workload('container')] } })
    expect(world.serverLags()).toBe(false)
    receive({ kind: 'delta', revision: 3, workloads: { removed: [id] } })
    expect(model.workloads.has(id)).toBe(false)
  })

  test('is another’s where its agent has another name', () => {
    const { world, receive, model } = setUp()
    model.update(world.address(['192.168.0.7']))
    const other = { ...machine, node: 'n2' as NodeName }
    receive(snapshot({ workloads: [other] }))
    expect(model.workloads.get(id)).toEqual(other)
  })

  test('no policy that selects it cuts its agent off the server', () => {
    const { world, receive, model } = setUp()
    const lonely = policy('vm', { policyTypes: ['Ingress', 'Egress'] })
    model.update(world.address(['192.168.0.7']))
    model.update(world.need(needsOf(['198.51.100.1'], 7444, ['192.168.0.53'])))
    expect(model.policies.size).toBe(0)
    receive(snapshot({ workloads: [machine], policies: [lonely] }))
    const outcome = (ip: string, port: number) =>
      model.judge({ source: { ip: '192.168.0.7' }, destination: { ip }, protocol: 'TCP', port }).outcome
    expect([
      outcome('198.51.100.1', 7444),
      outcome('192.168.0.53', 53),
      outcome('198.51.100.1', 443),
      outcome('198.51.100.2', 7444),
    ]).toEqual(['allowed', 'allowed', 'denied', 'denied'])
    model.update(world.need(needsOf(['198.51.100.2'], 7444, [])))
    expect([outcome('198.51.100.1', 7444), outcome('198.51.100.2', 7444)]).toEqual(['denied', 'allowed'])
    receive({ kind: 'delta', revision: 2, workloads: { removed: [id] } })
    expect([...model.policies.keys()]).toEqual(['NetworkPolicy/shop/vm'])
    // It is the agent's own, and not the server's.
    expect(world.snapshot()?.policies).toEqual([lonely])
  })
})

describe('a server that took over', () => {
  const far = (kind: Workload['kind'], name: string) => ({
    ...remote(name),
    id: workloadId(kind, 'shop', name),
    kind,
  })
  const [pod, container] = [far('pod', 'gone'), far('container', 'machine')]
  const before = () => {
    const made = setUp()
    made.receive(snapshot({ history: 'first', workloads: [pod, container] }))
    return made
  }

  test('has not heard of machines yet: they stay until it had the time', () => {
    const { world, model, receive, names } = before()
    receive(snapshot({ history: 'second' }))
    expect(names()).toEqual(['machine'])
    // Whoever starts from the last state is told no more of what is not in it.
    expect(world.snapshot()?.workloads).toEqual([])
    receive(snapshot({ history: 'second' }))
    expect([names(), world.holds]).toEqual([['machine'], true])
    model.update(world.letGo())
    expect([names(), world.holds]).toEqual([[], false])
  })

  test.each([
    ['has heard of them', { set: [container] }, ['machine']],
    ['says that they are gone', { removed: [container.id] }, []],
  ])('%s: then its word counts', (_, workloads, left) => {
    const { world, model, receive, names } = before()
    receive(snapshot({ history: 'second' }))
    receive({ kind: 'delta', revision: 2, workloads })
    expect([names(), world.holds]).toEqual([left, false])
    model.update(world.letGo())
    expect(names()).toEqual(left)
  })

  test('that went on where it was knows what is gone', () => {
    const { receive, names } = before()
    receive(snapshot({ history: 'first', revision: 2 }))
    expect(names()).toEqual([])
  })
})
