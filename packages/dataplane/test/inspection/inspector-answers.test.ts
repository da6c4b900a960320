import type { ApplicationName, CustomApplication } from '@sekisho/core'
import { Identifier, PacketHeader, type Protocol, parsePacket, TCP } from '@sekisho/inspect'
import type { AnsweredDeny, FlowFacts, ResidualAnswer } from '@sekisho/policy'
import { describe, expect, test } from 'vitest'
import {
  Inspector,
  type InspectorOptions,
  type OfferedPacket,
  type Terms,
} from '../../src/inspection/inspector.ts'
import type { AskPolicy, Notice } from '../../src/inspection/watch.ts'
import { Connection, datagram } from './connection.ts'
import { ALLOWED, answerOf, askingFor, identifier } from './scripted.ts'

const { RST, ACK } = TCP

/** The same answers, which say how what is denied ends. */
const ending = (onDeny: AnsweredDeny, ask: AskPolicy): AskPolicy => {
  const said = ({ enforced, ...answer }: ResidualAnswer): ResidualAnswer => {
    const { inspect } = enforced
    const told = enforced.verdict === 'allow' ? enforced : { ...enforced, onDeny }
    return { ...answer, enforced: { ...told, ...(inspect && { inspect: { ...inspect, onDeny } }) } }
  }
  return facts => said(ask(facts))
}

function inspecting(ask: AskPolicy, more: Partial<InspectorOptions & Pick<Terms, 'onFailure'>> = {}) {
  const sent: Uint8Array[] = []
  const notices: Notice[] = []
  const { onFailure = 'closed', ...options } = more
  const inspector = new Inspector({
    identifier: identifier(),
    identify: false,
    terms: () => ({ ask, facts: {}, onFailure }),
    notice: (_ends, notice) => notices.push(notice),
    send: packet => sent.push(packet),
    ...options,
  })
  const offer = (...packets: readonly OfferedPacket[]) => packets.map(each => inspector.packet(each))
  return { inspector, offer, sent, notices }
}

const header = (bytes: Uint8Array): PacketHeader => {
  const read = new PacketHeader()
  expect(parsePacket(bytes, read)).toBeUndefined()
  return read
}
/** To which port, with which flags, at which number. */
const heard = (sent: Uint8Array[]) =>
  sent.splice(0).map(bytes => {
    const { destinationPort, flags, sequence } = header(bytes)
    return [destinationPort, flags, sequence]
  })
const requests = () => askingFor('redis', { requests: true })

describe('a denied connection', () => {
  test('is reset for both where each expects it, and again for who still speaks', () => {
    const { offer, sent } = inspecting(ending('reset', requests()))
    const tcp = new Connection()
    offer(...tcp.handshake(), tcp.client('r'), tcp.client('GET'))
    expect(heard(sent)).toEqual([])
    const denied = tcp.client('DEL')
    offer(denied)
    const { sequence, acknowledgement } = header(denied.bytes)
    expect(heard(sent)).toEqual([
      [40_000, RST, acknowledgement],
      [80, RST | ACK, sequence],
    ])
    offer(tcp.client('GET'))
    expect(heard(sent)).toEqual([[40_000, RST, acknowledgement]])
    offer(tcp.server('x'))
    expect(heard(sent)).toEqual([[80, RST, sequence + 6]])
  })

  test('is reset behind what had passed of the packet', () => {
    const { offer, sent } = inspecting(ending('reset', requests()))
    const tcp = new Connection()
    const again = new Connection()
    offer(...tcp.handshake(), tcp.client('r'))
    again.handshake()
    const both = again.client('r DEL')
    offer(both)
    expect(heard(sent)).toContainEqual([80, RST | ACK, header(both.bytes).sequence + 1])
  })

  test('is reset with whatever packet comes when policies change', () => {
    const asked = { ask: requests() as AskPolicy }
    const { inspector, offer, sent } = inspecting(facts => asked.ask(facts))
    const tcp = new Connection()
    offer(...tcp.handshake(), tcp.client('r'))
    asked.ask = ending('reset', () => answerOf(['deny']))
    inspector.revise()
    const answer = tcp.server('fine')
    offer(answer)
    expect(heard(sent)).toEqual([
      [80, RST, header(answer.bytes).acknowledgement],
      [40_000, RST | ACK, header(answer.bytes).sequence],
    ])
  })

  test('of which the beginning was not seen is reset, and counted', () => {
    const { inspector, offer, sent } = inspecting(ending('reset', requests()))
    const tcp = new Connection()
    tcp.handshake()
    expect(offer(tcp.client('r'))).toEqual(['drop'])
    expect(heard(sent).map(([port]) => port)).toEqual([40_000, 80])
    expect(inspector.notInspected.get('midstream')).toBe(1)
  })

  test('ends silently where nothing else is written, and where nobody sends', () => {
    const silent = inspecting(requests())
    const mute = inspecting(ending('reset', requests()), { send: () => undefined })
    for (const { offer, sent } of [silent, mute]) {
      const tcp = new Connection()
      expect(offer(...tcp.handshake(), tcp.client('r DEL')).at(-1)).toBe('drop')
      expect(sent).toEqual([])
    }
  })
})

test('what is out of order is no end, and a datagram has none', () => {
  const { offer, sent } = inspecting(ending('reset', requests()))
  const tcp = new Connection()
  offer(...tcp.handshake(), tcp.ahead('GET'))
  expect(offer(datagram('r DEL'))).toEqual(['drop'])
  expect(sent).toEqual([])
})

const CUSTOM = 'acme-orders' as CustomApplication // as a definition would name it
const only = (application: ApplicationName): AskPolicy => {
  const open = answerOf(['deny', 'closed'])
  const denied = answerOf(['deny'])
  return (facts: FlowFacts) =>
    facts.application === undefined ? open : facts.application === application ? ALLOWED : denied
}

describe('what users say', () => {
  test('is taken for granted, before anything is said', () => {
    const asked: unknown[] = []
    const overrides: InspectorOptions['overrides'] = (...at) => {
      asked.push(at)
      return CUSTOM
    }
    const { offer, notices } = inspecting(only(CUSTOM), { overrides })
    expect(offer(new Connection().syn())).toEqual(['release'])
    expect(notices).toEqual([
      { kind: 'identified', application: CUSTOM, confidence: 'configured', evidence: 'override' },
    ])
    expect(offer(datagram('x'))).toEqual(['release'])
    expect(asked).toEqual([
      ['TCP', '192.0.2.2', 80],
      ['UDP', '192.0.2.2', 53],
    ])
  })

  test('is denied where another one is allowed', () => {
    const { offer } = inspecting(only('redis'), { overrides: () => CUSTOM })
    expect(offer(new Connection().syn())).toEqual(['drop'])
  })

  test('is read as what it is said to be, whatever it looks like', () => {
    const { offer } = inspecting(requests(), { overrides: () => 'redis' })
    const tcp = new Connection()
    offer(...tcp.handshake())
    expect(offer(tcp.client('h GET'), tcp.client('DEL'))).toEqual(['pass', 'drop'])
  })

  test('counts for conversations that begin from then on', () => {
    const { inspector, offer } = inspecting(only('redis'), { overrides: () => undefined })
    const tcp = new Connection()
    offer(...tcp.handshake())
    const identified: Protocol = {
      application: 'redis',
      transports: ['TCP'],
      recognise: () => ({ kind: 'certain', evidence: 'all' }),
    }
    inspector.define({ identifier: new Identifier({ protocols: [identified] }) })
    expect(offer(tcp.client('?'))).toEqual(['drop'])
    const other = new Connection(undefined, { client: 40_001, server: 80 })
    offer(...other.handshake())
    expect(offer(other.client('?'))).toEqual(['release'])
    // It was defined for TCP only.
    expect(offer(datagram('?'))).toEqual(['drop'])
  })
})
