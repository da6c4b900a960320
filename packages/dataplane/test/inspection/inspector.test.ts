import { LIMITS, type Protocol } from '@sekisho/core'
import { IP_PROTOCOL } from '@sekisho/inspect'
import { describe, expect, test } from 'vitest'
import {
  type ConversationEnds,
  Inspector,
  type NotInspected,
  type OfferedPacket,
  type Terms,
  type Treatment,
} from '../../src/inspection/inspector.ts'
import type { AskPolicy, Notice } from '../../src/inspection/watch.ts'
import { type Addresses, Connection, datagram, IP4, IP6, offered } from './connection.ts'
import { ALLOWED, answerOf, askingFor, bytesOf, DENIED, identifier } from './scripted.ts'

/** An inspector whose terms and policies can be changed under way. */
function inspecting(
  ask: AskPolicy,
  more: { readonly identify?: boolean; onFailure?: Terms['onFailure'] } = {},
) {
  const asked: ConversationEnds[] = []
  const notices: (readonly [ConversationEnds, Notice])[] = []
  const state: { terms: Terms | undefined } = {
    terms: { ask, facts: {}, onFailure: more.onFailure ?? 'closed' },
  }
  const inspector = new Inspector({
    identifier: identifier(),
    identify: more.identify ?? false,
    terms(ends) {
      asked.push(ends)
      return state.terms
    },
    notice: (ends, notice) => notices.push([ends, notice]),
  })
  const offer = (...packets: readonly OfferedPacket[]): Treatment[] =>
    packets.map(each => inspector.packet(each))
  const revise = (changed: AskPolicy, onFailure: Terms['onFailure'] = 'closed') => {
    state.terms = { ask: changed, facts: {}, onFailure }
    inspector.revise()
  }
  const denials = () => notices.flatMap(([, { kind }]) => (kind === 'denied' ? [kind] : []))
  return { inspector, offer, revise, state, asked, notices, denials }
}

const requests = () => askingFor('redis', { requests: true })
const THREE = ['pass', 'pass', 'pass'] as const

describe.each<[string, Addresses]>([
  ['IPv4', IP4],
  ['IPv6', IP6],
])('a connection over %s', (_family, at) => {
  test('passes request by request, and nothing passes behind a denied one', () => {
    const { offer, asked, notices, denials } = inspecting(requests())
    const tcp = new Connection(at)
    expect(offer(...tcp.handshake())).toEqual(THREE)
    expect(offer(tcp.client('r'), tcp.client('GET'), tcp.server('fine'))).toEqual(THREE)
    expect(offer(tcp.client('DEL'), tcp.client('GET'), tcp.server('x'))).toEqual(['drop', 'drop', 'drop'])
    const ends = { ...at, protocol: 'TCP', port: 80, clientPort: 40_000 }
    expect(asked).toEqual([ends])
    expect(new Set(notices.map(([of]) => of))).toEqual(new Set([ends]))
    expect(denials()).toEqual(['denied'])
    expect(notices.at(-1)?.[1]).toEqual({ kind: 'denied', answer: DENIED })
  })

  test('is released when its application is what was asked for, and forgotten', () => {
    const { inspector, offer } = inspecting(askingFor('redis', { requests: false }))
    const tcp = new Connection(at)
    offer(...tcp.handshake())
    expect(inspector.flows).toBe(1)
    expect(offer(tcp.client('r'))).toEqual(['release'])
  })

  test('is known by its reply as well: whose packet it is, the queue says', () => {
    const { offer, asked } = inspecting(requests(), { onFailure: 'open' })
    const tcp = new Connection(at)
    tcp.handshake()
    expect(offer(tcp.server('hello'))).toEqual(['pass'])
    expect(asked).toEqual([{ ...at, protocol: 'TCP', port: 80, clientPort: 40_000 }])
  })
})

describe('before anything is said', () => {
  test.each<[string, AskPolicy, Treatment]>([
    ['what nothing changes leaves the queue at once', () => ALLOWED, 'release'],
    ['what is denied whatever comes stops at once', () => DENIED, 'drop'],
    ['while the verdict is open the handshake passes', () => answerOf(['deny', 'closed']), 'pass'],
  ])('%s', (_what, ask, treatment) => {
    expect(inspecting(ask).offer(new Connection().syn())).toEqual([treatment])
  })

  test('a packet waits while the terms are not known, and is offered again', () => {
    const { inspector, offer, state, asked } = inspecting(requests())
    const known = state.terms
    state.terms = undefined
    const tcp = new Connection()
    const syn = tcp.syn()
    expect(offer(syn, syn)).toEqual(['wait', 'wait'])
    expect(asked).toHaveLength(2)
    expect(inspector.flows).toBe(0)
    state.terms = known
    expect(offer(syn)).toEqual(['pass'])
    expect(inspector.flows).toBe(1)
  })
})

describe('datagrams', () => {
  test('are read one by one, in both directions', () => {
    const { offer, asked } = inspecting(requests())
    expect(offer(datagram('r GET'), datagram('fine', false), datagram('DEL'))).toEqual([
      'pass',
      'pass',
      'drop',
    ])
    expect(asked).toEqual([{ ...IP4, protocol: 'UDP', port: 53, clientPort: 40_000 }])
  })
  test('with the text of the header nowhere in it', () => {
    const { offer } = inspecting(askingFor('redis', { requests: false }))
    expect(offer(datagram('r'))).toEqual(['release'])
  })
})

describe('a stream', () => {
  test('is kept in order: what is ahead does not pass, and is counted', () => {
    const { inspector, offer } = inspecting(requests())
    const tcp = new Connection()
    offer(...tcp.handshake())
    expect(offer(tcp.ahead('GET'))).toEqual(['drop'])
    expect([...inspector.notInspected]).toEqual([['ahead', 1]])
  })

  test('whose beginning was not seen does not pass where failures do not', () => {
    const { inspector, offer } = inspecting(requests(), { onFailure: 'closed' })
    const tcp = new Connection()
    tcp.handshake()
    expect(offer(tcp.client('r'))).toEqual(['drop'])
    expect([...inspector.notInspected]).toEqual([['midstream', 1]])
  })

  test('and is taken over where it is where failures pass', () => {
    const { offer } = inspecting(requests(), { onFailure: 'open' })
    const tcp = new Connection()
    tcp.handshake()
    expect(offer(tcp.client('r'), tcp.client('GET'), tcp.client('DEL'))).toEqual(['pass', 'pass', 'drop'])
  })

  test('an acknowledgement without data is nothing to read', () => {
    const { offer, notices } = inspecting(requests())
    const tcp = new Connection()
    offer(...tcp.handshake())
    expect(offer(tcp.client(''))).toEqual(['pass'])
    expect(notices).toEqual([])
  })
})

describe('ports that are used again', () => {
  const again = () => new Connection().syn()

  test('after a denial another connection may begin', () => {
    const { offer, asked } = inspecting(requests())
    const tcp = new Connection()
    offer(...tcp.handshake(), tcp.client('r DEL'))
    expect(offer(tcp.client('GET'), again())).toEqual(['drop', 'pass'])
    expect(asked).toHaveLength(2)
  })

  test('and after both ends, and after a reset', () => {
    for (const last of ['ends', 'reset'] as const) {
      const { offer, asked } = inspecting(requests())
      const tcp = new Connection()
      offer(...tcp.handshake(), tcp.client('r'), ...[tcp[last]()].flat())
      expect(offer(again())).toEqual(['pass'])
      expect(asked).toHaveLength(2)
    }
  })

  test('but not within one that goes on', () => {
    const { inspector, offer, asked } = inspecting(requests())
    const tcp = new Connection()
    offer(...tcp.handshake(), tcp.client('r'))
    offer(again())
    expect(asked).toHaveLength(1)
    expect(offer(tcp.client('DEL'))).toEqual(['drop'])
    expect(inspector.flows).toBe(1)
  })

  test('a reply never begins another connection', () => {
    const { offer, asked } = inspecting(requests())
    const tcp = new Connection()
    offer(...tcp.handshake(), tcp.client('r DEL'))
    const [, answer] = new Connection().handshake()
    expect(answer && offer(answer)).toEqual(['drop'])
    expect(asked).toHaveLength(1)
  })
})

describe('when only requests are read', () => {
  const alone = () => {
    const inspection = inspecting(requests())
    const tcp = new Connection()
    inspection.offer(...tcp.handshake(), tcp.client('r'))
    return { ...inspection, tcp }
  }
  const FULL = 'x'.repeat(LIMITS.streamUnheardBytes.value)

  test('the kernel is told so once, and again by whatever shows that it does not know', () => {
    const { offer, tcp } = alone()
    expect(offer(tcp.server('alone'))).toEqual(['requests-only'])
    expect(offer(tcp.client('GET'), tcp.client('GET'))).toEqual(['pass', 'pass'])
    expect(offer(tcp.server('fine'), tcp.client('GET'))).toEqual(['requests-only', 'pass'])
  })

  test('requests are judged as before, whatever the server is said to have said', () => {
    const { offer, tcp, denials } = alone()
    offer(tcp.server('alone'))
    tcp.server('unseen')
    expect(offer(tcp.client('GET'), tcp.server('DEL'), tcp.client('DEL'))).toEqual([
      'pass',
      'requests-only',
      'drop',
    ])
    expect(denials()).toEqual(['denied'])
    expect(offer(tcp.client('GET'))).toEqual(['drop'])
  })

  test('acknowledgements are asked for when much is held without one, and are not any more when they came', () => {
    const { offer, tcp } = alone()
    offer(tcp.server('alone'))
    expect(offer(tcp.client(FULL), tcp.client('x'), tcp.client('x'))).toEqual([
      'pass',
      'everything',
      'everything',
    ])
    expect(offer(tcp.server('fine'), tcp.client('x'))).toEqual(['requests-only', 'pass'])
  })

  test('acknowledgements are asked for of both sides when both are read', () => {
    const { offer, tcp } = alone()
    expect(offer(tcp.server(FULL), tcp.server('x'), tcp.client('x'))).toEqual(['pass', 'everything', 'pass'])
  })

  test('an answer to another SYN begins another connection: the server may have ended this one unseen', () => {
    const { offer, tcp, asked } = alone()
    offer(tcp.server('alone'))
    const other = new Connection(IP4, { client: 40_000, server: 80, first: 9_000 })
    const [, same] = new Connection().handshake()
    const [, answer] = other.handshake()
    expect(same && offer(same)).toEqual(['requests-only'])
    expect(asked).toHaveLength(1)
    expect(answer && offer(answer)).toEqual(['pass'])
    expect(asked).toHaveLength(2)
    expect(offer(other.client('r'), other.client('DEL'))).toEqual(['pass', 'drop'])
  })

  test('without a handshake that was seen but for its answer', () => {
    const { offer, asked } = inspecting(requests())
    const tcp = new Connection()
    const [, answer] = tcp.handshake()
    expect(answer && offer(answer)).toEqual(['pass'])
    expect(offer(tcp.client('r'), tcp.client('DEL'))).toEqual(['pass', 'drop'])
    expect(asked).toHaveLength(1)
  })
})

describe('policies that change', () => {
  const open = () => {
    const inspection = inspecting(requests())
    const tcp = new Connection()
    inspection.offer(...tcp.handshake(), tcp.client('r'), tcp.client('GET'))
    return { ...inspection, tcp }
  }

  test('judge a conversation anew, once, and go on with its next packet', () => {
    const { offer, revise, asked, tcp } = open()
    const stricter = askingFor('redis', { requests: true })
    revise(stricter)
    expect(offer(tcp.client('SET'), tcp.client('GET'))).toEqual(['pass', 'pass'])
    expect(asked).toHaveLength(2)
    // What was recognised is still known, and each request is asked about once.
    expect(stricter.asked.map(({ application }) => application)).toEqual(['redis', 'redis', 'redis'])
    expect(offer(tcp.client('DEL'))).toEqual(['drop'])
  })

  test('deny it with its next packet', () => {
    const { offer, revise, denials, tcp } = open()
    revise(() => DENIED)
    expect(offer(tcp.server('fine'), tcp.client('GET'))).toEqual(['drop', 'drop'])
    expect(denials()).toEqual(['denied'])
  })

  test('let it go', () => {
    const { inspector, offer, revise, tcp } = open()
    revise(() => ALLOWED)
    expect(offer(tcp.client('GET'))).toEqual(['release'])
    expect(inspector.flows).toBe(0)
  })

  test('give a denied conversation another chance: the packet is sent again', () => {
    const { offer, revise, tcp } = open()
    offer(tcp.client('DEL'))
    revise(requests())
    expect(offer(tcp.server('fine'))).toEqual(['pass'])
  })

  test('are waited for', () => {
    const { offer, revise, state, tcp } = open()
    revise(() => DENIED)
    const changed = state.terms
    state.terms = undefined
    const next = tcp.client('GET')
    expect(offer(next)).toEqual(['wait'])
    state.terms = changed
    expect(offer(next)).toEqual(['drop'])
  })
})

describe('a connection that was let go, and is queued again from its middle', () => {
  const released = (ask: AskPolicy = askingFor('redis', { requests: false })) => {
    const inspection = inspecting(ask)
    const tcp = new Connection()
    expect(inspection.offer(...tcp.handshake(), tcp.client('r')).at(-1)).toBe('release')
    inspection.notices.length = 0
    return { ...inspection, tcp, told: () => inspection.notices.map(([, { kind }]) => kind) }
  }

  test('is let go again, and nothing of it is read: packets may have been on their way', () => {
    const { offer, tcp, told, inspector } = released()
    expect(offer(tcp.client('h'), tcp.ahead('h'), tcp.server('h'))).toEqual(['release', 'release', 'release'])
    expect(told()).toEqual([])
    expect(inspector.flows).toBe(0)
  })

  test('is judged by new policies with what is known of it', () => {
    const { offer, tcp, told, revise } = released()
    revise(askingFor('http', { requests: false }))
    expect(offer(tcp.client('r'), tcp.client('h'))).toEqual(['drop', 'drop'])
    expect(told()).toEqual(['denied'])
    revise(askingFor('redis', { requests: false }))
    expect(offer(tcp.client('r'))).toEqual(['release'])
  })

  test.each<[Terms['onFailure'], Treatment]>([
    ['closed', 'drop'],
    ['open', 'release'],
  ])('is what fails %s where its requests are asked for', (onFailure, treatment) => {
    const { offer, tcp, told, revise } = released()
    revise(askingFor('redis', { requests: true, onFailure }), onFailure)
    expect(offer(tcp.client('GET'))).toEqual([treatment])
    expect(told()).toEqual(onFailure === 'open' ? ['failed'] : ['failed', 'denied'])
  })

  test.each<[string, (tcp: Connection) => readonly OfferedPacket[]]>([
    ['a SYN', tcp => tcp.handshake()],
    ['an answer to one', tcp => tcp.handshake().slice(1)],
  ])('is another one from %s on', (_, begin) => {
    const { offer, denials } = released()
    const other = new Connection(IP4, { client: 40_000, server: 80, first: 9_000 })
    expect(new Set(offer(...begin(other)))).toEqual(new Set(['pass']))
    expect(offer(other.client('h'))).toEqual(['drop'])
    expect(denials()).toEqual(['denied'])
  })

  test('datagrams begin anew with each: other programs may use the port', () => {
    const { offer } = inspecting(askingFor('redis', { requests: false }))
    expect(offer(datagram('r'), datagram('h'))).toEqual(['release', 'drop'])
  })
})

describe('what cannot be read', () => {
  const damaged = () => {
    const { bytes, ...syn } = new Connection().syn()
    return { ...syn, bytes: bytes.with(bytes.length - 1, 7) }
  }
  const NOT_IP: OfferedPacket = {
    bytes: bytesOf('\u{0}'.repeat(40)),
    fromClient: true,
    onFailure: 'closed',
    checksummed: true,
  }
  test.each<[NotInspected, OfferedPacket]>([
    ['not-ip', NOT_IP],
    ['malformed-header', offered(IP4, true, { transport: new Uint8Array(4) })],
    ['checksum', damaged()],
  ])('%s', (reason, unreadable) => {
    const { inspector, offer, asked } = inspecting(() => ALLOWED)
    expect(offer(unreadable, unreadable)).toEqual(['drop', 'drop'])
    expect([...inspector.notInspected]).toEqual([[reason, 2]])
    expect(asked).toEqual([])
  })

  test.each<[NotInspected, number, Protocol]>([
    ['gre', IP_PROTOCOL.GRE, 'IP/47'],
    ['esp', IP_PROTOCOL.ESP, 'IP/50'],
    ['ip-in-ip', IP_PROTOCOL.IP_IN_IP, 'IP/4'],
    ['other-transport', 89, 'IP/89'],
  ])('%s, whose ends and protocol are known: policies are asked with these', (reason, number, protocol) => {
    const packet = offered(IP4, true, { protocol: number, transport: new Uint8Array(8) })
    const allowed = inspecting(() => ALLOWED)
    expect(allowed.offer(packet)).toEqual(['release'])
    expect([...allowed.inspector.notInspected]).toEqual([[reason, 1]])
    const denied = inspecting(() => DENIED)
    expect(denied.offer(packet)).toEqual(['drop'])
    expect(denied.notices.map(([{ protocol }, { kind }]) => [protocol, kind])).toEqual([[protocol, 'denied']])
  })

  test('passes where nothing is lost by that, and is counted', () => {
    const { inspector, offer } = inspecting(() => ALLOWED)
    expect(offer({ ...NOT_IP, onFailure: 'open' })).toEqual(['pass'])
    expect([...inspector.notInspected]).toEqual([['not-ip', 1]])
  })

  test('a checksum that is yet to be filled in says nothing', () => {
    const { offer } = inspecting(() => ALLOWED)
    expect(offer({ ...damaged(), checksummed: false })).toEqual(['release'])
  })
})

describe('names that lead elsewhere', () => {
  test('make conversations with that server be judged anew, and those with no other', () => {
    const byName: AskPolicy = ({ names }) =>
      names?.includes('shop.example') ? ALLOWED : answerOf(['deny', 'closed'])
    const { inspector, offer, state } = inspecting(byName)
    const [tcp, other] = [new Connection(), new Connection({ ...IP4, server: '192.0.2.3' })]
    offer(...tcp.handshake(), ...other.handshake())
    state.terms = { ask: byName, facts: { names: ['shop.example'] }, onFailure: 'closed' }
    inspector.renamed(new Set([IP4.server]))
    expect(offer(tcp.client('r'), other.client('r'))).toEqual(['release', 'pass'])
  })
})

describe('bounds', () => {
  /** One SYN over and over, with another port each time; nobody has filled in its checksums. */
  function flood(offer: (packet: OfferedPacket) => unknown): void {
    const syn = { ...new Connection().syn(), checksummed: false }
    const ports = new DataView(syn.bytes.buffer, syn.bytes.byteOffset + 20)
    for (let port = 0; port < LIMITS.inspectedFlows.value; port++) {
      ports.setUint16(0, port)
      offer(syn)
    }
  }
  test.each([
    ['open', 'release'],
    ['closed', 'drop'],
  ] as const)('where there is no room for more, %s: %s', (onFailure, treatment) => {
    const { inspector, offer } = inspecting(requests(), { onFailure })
    flood(offer)
    expect(inspector.flows).toBe(LIMITS.inspectedFlows.value)
    const more = new Connection(IP6)
    expect(offer(more.syn())).toEqual([treatment])
    expect([...inspector.notInspected]).toEqual([['no-room', 1]])
    inspector.age()
    expect(offer(new Connection(IP6).syn())).toEqual(['pass'])
  })

  test('what was silent for two periods is forgotten', () => {
    const { inspector, offer } = inspecting(requests())
    offer(datagram('r'))
    inspector.age()
    expect(offer(datagram('GET'))).toEqual(['pass'])
    inspector.age()
    expect(inspector.flows).toBe(1)
    inspector.age()
    expect(inspector.flows).toBe(0)
  })

  test('a connection that is kept open is not, unless it is denied or over', () => {
    const { inspector, offer } = inspecting(requests())
    const [kept, denied, over] = [40_001, 40_002, 40_003].map(
      client => new Connection(IP4, { client, server: 80 }),
    )
    for (const tcp of [kept, denied, over]) if (tcp) offer(...tcp.handshake(), tcp.client('r'))
    if (denied && over) offer(denied.client('DEL'), ...over.ends())
    for (let period = 0; period < 5; period++) inspector.age()
    expect(inspector.flows).toBe(1)
    expect(kept && offer(kept.client('GET'), kept.client('DEL'))).toEqual(['pass', 'drop'])
    expect(denied && offer(denied.client('GET'))).toEqual(['drop'])
  })
})
