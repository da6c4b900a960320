import { type EpochMs, type Flow, LIMITS, type WorkloadId, workloadId } from '@sekisho/core'
import type { ConntrackEntry, LoggedPacket } from '@sekisho/linux'
import type { Judgement } from '@sekisho/policy'
import { describe, expect, test } from 'vitest'
import { createFlowLog } from '../src/index.ts'
import { ruleIdOf } from './tables.ts'

const WEB = workloadId('pod', 'shop', 'web')
const API = workloadId('pod', 'shop', 'api')
const REMOTE = workloadId('pod', 'shop', 'remote')
const OWNERS = new Map<string, WorkloadId>([
  ['10.0.0.1', WEB],
  ['10.0.0.2', API],
  ['10.9.0.3', REMOTE],
])

const side = { verdict: 'allow', why: 'not-selected' } as const
const ALLOWED: Judgement = { outcome: 'allowed', decision: { ...side, egress: side, ingress: side } }
const no = { verdict: 'deny', why: 'isolated', by: ruleIdOf() } as const
const DENIED: Judgement = {
  outcome: 'denied',
  decision: { ...no, direction: 'ingress', egress: side, ingress: no },
}
const AUDITED: Judgement = { ...DENIED, outcome: 'audited' }

interface Conversation {
  readonly id?: number
  readonly source?: string
  readonly service?: string
  readonly destination?: string
  readonly port?: number
  /** Packets and bytes to the destination, and back. */
  readonly forth?: readonly [packets: number, bytes: number]
  readonly back?: readonly [packets: number, bytes: number]
}

function entry({
  id = 1,
  source = '10.0.0.1',
  destination = '10.0.0.2',
  service = destination,
  port = 80,
  forth = [0, 0],
  back = [0, 0],
}: Conversation = {}): ConntrackEntry {
  return {
    id,
    protocolNumber: 6,
    original: { source, destination: service, protocol: 6, sourcePort: 40_000, destinationPort: 8000 },
    reply: {
      source: destination,
      destination: source,
      protocol: 6,
      sourcePort: port,
      destinationPort: 40_000,
    },
    mark: 0,
    zone: 0,
    originalCounters: { packets: forth[0], bytes: forth[1] },
    replyCounters: { packets: back[0], bytes: back[1] },
    timestampStart: 500 as EpochMs,
  }
}

/** TCP over IPv4, as the log copies it. */
function logged(
  prefix: string,
  [source, sourcePort]: [string, number],
  [destination, port]: [string, number],
) {
  const bytes = new Uint8Array(40)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, 0x45)
  view.setUint16(2, 40)
  view.setUint8(9, 6)
  bytes.set(source.split('.').map(Number), 12)
  bytes.set(destination.split('.').map(Number), 16)
  view.setUint16(20, sourcePort)
  view.setUint16(22, port)
  return { prefix, mark: 0, payload: bytes, at: 2_000 as EpochMs, inInterface: 7 } satisfies LoggedPacket
}
const DENY = 'sekisho:deny:key'

function setUp(judge: (port: number) => Judgement = () => ALLOWED, edges: number = LIMITS.flowEdges.value) {
  let dumped: readonly ConntrackEntry[] = []
  const log = createFlowLog({
    clock: { now: () => 1_000 as EpochMs, monotonic: () => 0 },
    workloadAt: ip => OWNERS.get(ip),
    isLocal: workload => workload !== REMOTE,
    hasNoAgent: () => false,
    judge: query => judge(query.port),
    ruleOf: () => ruleIdOf(),
    ownerOf: () => WEB,
    async visit(visit) {
      await Promise.resolve()
      for (const entry of dumped) visit(entry)
    },
    edges,
  })
  return {
    log,
    refresh(entries: readonly ConntrackEntry[]) {
      dumped = entries
      return log.refresh()
    },
    flows: (): Partial<Flow>[] => log.take().flows,
  }
}
const counts = (flow: Partial<Flow> | undefined) => [
  flow?.connections,
  flow?.packets,
  flow?.bytesToDestination,
  flow?.bytesToSource,
]

describe('connections', () => {
  test('a short one is counted and weighed when it ends', () => {
    const { log, flows } = setUp()
    log.ended(entry({ forth: [5, 500], back: [4, 4000] }))
    expect(flows()).toEqual([
      {
        source: { workload: WEB, ip: '10.0.0.1' },
        destination: { workload: API, ip: '10.0.0.2' },
        protocol: 'TCP',
        port: 80,
        outcome: 'allowed',
        why: 'not-selected',
        connections: 1,
        packets: 9,
        bytesToDestination: 500,
        bytesToSource: 4000,
        first: 500,
        last: 1_000,
      },
    ])
    expect(flows()).toEqual([])
  })

  test('the destination is the one behind the service address', () => {
    const { log, flows } = setUp()
    log.ended(entry({ service: '10.96.0.1' }))
    expect(flows()[0]).toMatchObject({ destination: { workload: API, ip: '10.0.0.2' }, port: 80 })
  })

  test('a long one is weighed at each dump and at its end, each byte once', async () => {
    const { log, refresh, flows } = setUp()
    await refresh([entry({ forth: [10, 1000], back: [1, 10] })])
    expect(counts(flows()[0])).toEqual([1, 11, 1000, 10])
    await refresh([entry({ forth: [15, 1500], back: [1, 10] })])
    log.ended(entry({ forth: [16, 1600], back: [2, 20] }))
    const [flow] = flows()
    expect(counts(flow)).toEqual([0, 7, 600, 10])
    expect(flow).toMatchObject({ first: 1_000, last: 1_000 })
  })

  test('one that lives is counted by the first dump that shows it, since when it began', async () => {
    const { refresh, flows } = setUp()
    await refresh([entry({ forth: [10, 1000] })])
    await refresh([entry({ forth: [10, 1000] })])
    const [flow, ...others] = flows()
    expect(counts(flow)).toEqual([1, 10, 1000, 0])
    expect(flow).toMatchObject({ first: 500 })
    expect(others).toEqual([])
  })

  test('one that a dump shows twice is counted once', async () => {
    const { refresh, flows } = setUp()
    await refresh([entry({ forth: [1, 60] }), entry({ forth: [1, 60] })])
    expect(counts(flows()[0])).toEqual([1, 1, 60, 0])
  })

  test('another with the id of one that ended is another, whether or not its end was told', async () => {
    const { log, refresh, flows } = setUp()
    await refresh([entry({ forth: [5, 500] })])
    log.ended(entry({ forth: [6, 600] }))
    await refresh([entry({ forth: [7, 700] })])
    await refresh([entry({ forth: [1, 60] })])
    expect(counts(flows()[0])).toEqual([3, 14, 1360, 0])
  })

  test('one that ends while a dump is read is counted once', async () => {
    const { log, refresh, flows } = setUp()
    const reading = refresh([entry({ forth: [10, 1000] })])
    log.ended(entry({ forth: [12, 1200] }))
    await reading
    expect(counts(flows()[0])).toEqual([1, 12, 1200, 0])
  })

  test('one whose end is told after the dump that no longer has it is not weighed twice', async () => {
    const { log, refresh, flows } = setUp()
    await refresh([entry({ forth: [10, 1000] })])
    await refresh([])
    log.ended(entry({ forth: [11, 1100] }))
    expect(counts(flows()[0])).toEqual([1, 11, 1100, 0])
  })

  test('what has no workload at either end is nobody’s business', () => {
    const { log, flows } = setUp()
    log.ended(entry({ source: '192.0.2.1', destination: '192.0.2.2' }))
    expect(flows()).toEqual([])
  })

  test('between two nodes the source’s reports', () => {
    const { log, flows } = setUp()
    log.ended(entry({ source: '10.9.0.3' }))
    log.ended(entry({ id: 2, destination: '10.9.0.3' }))
    expect(flows().map(flow => flow.source?.workload)).toEqual([WEB])
  })

  test('what its destination’s node denies is told there', () => {
    const { log, flows } = setUp(() => DENIED)
    log.ended(entry({ destination: '10.9.0.3' }))
    expect(flows()).toEqual([])
  })

  test('what passed before it was denied keeps the answer it passed with', async () => {
    let judgement = AUDITED
    const { log, refresh, flows } = setUp(() => judgement)
    await refresh([entry()])
    judgement = DENIED
    log.modelChanged()
    log.ended(entry({ forth: [1, 10] }))
    expect(flows()).toMatchObject([{ outcome: 'audited', by: ruleIdOf(), connections: 1, packets: 1 }])
  })
})

describe('denials', () => {
  test('an attempt is one however often it is repeated', () => {
    const { log, flows } = setUp(port => (port === 80 ? DENIED : ALLOWED))
    const attempt = (port: number) => logged(DENY, ['10.0.0.1', port], ['10.0.0.2', 80])
    log.packets([attempt(40_001), attempt(40_001), attempt(40_002)])
    expect(flows()).toMatchObject([
      {
        outcome: 'denied',
        direction: 'ingress',
        by: ruleIdOf(),
        why: 'isolated',
        connections: 2,
        packets: 3,
      },
    ])
  })

  test('a packet of the answering side denies the conversation that it answers', () => {
    const { log, flows } = setUp(port => (port === 80 ? DENIED : ALLOWED))
    log.packets([logged(DENY, ['10.0.0.2', 80], ['10.0.0.1', 40_001])])
    expect(flows()).toMatchObject([{ source: { workload: WEB }, destination: { workload: API }, port: 80 }])
  })

  test('a forged source is its sender’s doing', () => {
    const { log, flows } = setUp()
    log.packets([logged('sekisho:spoof', ['198.51.100.9', 1], ['10.0.0.2', 80])])
    expect(flows()).toMatchObject([
      { source: { workload: WEB, ip: '198.51.100.9' }, outcome: 'denied', why: 'spoofed-source' },
    ])
  })

  test('packets of others are left alone', () => {
    const { log, flows } = setUp()
    log.packets([logged('firewalld', ['10.0.0.1', 1], ['10.0.0.2', 80])])
    expect(flows()).toEqual([])
  })

  test('what the log’s rate kept from us is known by the counters, one sample later', () => {
    const { log } = setUp(() => DENIED)
    log.packets([logged(DENY, ['10.0.0.1', 1], ['10.0.0.2', 80])])
    log.counted({ denied: 100, audited: 0 })
    expect(log.take().ledger['denials-not-logged']).toBe(0)
    log.counted({ denied: 100, audited: 0 })
    expect(log.take().ledger['denials-not-logged']).toBe(99)
    // The table was built anew, its counters with it.
    log.counted({ denied: 1, audited: 0 })
    expect(log.take().ledger['denials-not-logged']).toBe(99)
  })
})

describe('bounds', () => {
  test('one workload’s scan is gathered and does not push others out', () => {
    const { log, flows } = setUp(() => ALLOWED, 80)
    const scan = Array.from({ length: 100 }, (_, port) => entry({ id: port, port: port + 1 }))
    for (const one of scan) log.ended(one)
    log.ended(entry({ id: 1000, source: '10.0.0.2', destination: '192.0.2.1' }))
    const { flows: seen, ledger } = log.take()
    expect(seen.reduce((sum, flow) => sum + flow.connections, 0)).toBe(101)
    expect(seen.length).toBeLessThanOrEqual(12)
    expect(seen.find(flow => flow.destination.ip === '0.0.0.0')).toMatchObject({ port: 0, connections: 90 })
    expect(ledger['flows-gathered']).toBe(90)
    expect(seen.at(-1)).toMatchObject({ source: { workload: API } })
    expect(flows()).toEqual([])
  })

  test('a connection that there is no room for is counted when it ends, and told to be unknown until then', async () => {
    const { log, refresh } = setUp(() => ALLOWED, 1)
    const lives = [1, 2, 3, 4, 5].map(id => entry({ id, forth: [1, 60] }))
    await refresh(lives)
    const { flows, ledger } = log.take()
    expect(counts(flows[0])).toEqual([4, 4, 240, 0])
    expect(ledger['connections-not-followed']).toBe(1)
    for (const one of lives) log.ended(one)
    expect(counts(log.take().flows[0])).toEqual([1, 1, 60, 0])
  })

  test('losses are told', () => {
    const { log } = setUp()
    log.lost('connection-events', 3)
    log.packets([{ prefix: DENY, mark: 0, payload: new Uint8Array(3), at: 0 as EpochMs }])
    expect(log.take().ledger).toMatchObject({ 'connection-events-lost': 3, 'logged-packets-lost': 1 })
  })
})
