import { checksumsHold, PacketHeader, parsePacket, TCP } from '@sekisho/inspect'
import { packet, type TcpOf, tcp } from '@sekisho/inspect/test/packets'
import type { AnsweredDeny, Decision, Inspect } from '@sekisho/policy'
import { describe, expect, test } from 'vitest'
import { Ending } from '../../src/inspection/ending.ts'
import type { RefusedPacket } from '../../src/inspection/refusal.ts'
import type { Notice } from '../../src/inspection/watch.ts'
import { ALLOWED, command, DENIED } from './scripted.ts'

const { ACK, FIN, PSH, RST } = TCP
const SIDE = { verdict: 'deny', why: 'isolated' } as const
const decision = (onDeny?: AnsweredDeny, inspect?: Inspect): Decision => ({
  ...SIDE,
  egress: SIDE,
  ingress: SIDE,
  ...(onDeny && { onDeny }),
  ...(inspect && { inspect }),
})

function headerOf(bytes: Uint8Array): PacketHeader {
  const header = new PacketHeader()
  expect(parsePacket(bytes, header)).toBeUndefined()
  expect(checksumsHold(bytes, header)).toBe(true)
  return header
}

function segment(of: TcpOf): RefusedPacket {
  const bytes = packet({
    transport: tcp({ flags: ACK | PSH, sequence: 1_000, acknowledgement: 5_000, ...of }),
  })
  return { bytes, header: headerOf(bytes), repeated: 0 }
}

/** What each packet that is sent is: to whom, and whether it ends with an answer or a reset. */
const kinds = (sent: readonly Uint8Array[]): string[] =>
  sent.map(bytes => {
    const { flags, destinationPort } = headerOf(bytes)
    return `${(flags & RST) === 0 ? 'answer' : 'reset'} > ${destinationPort}`
  })

const CLIENT = '> 40000'
const SERVER = '> 80'
const BOTH_RESET = [`reset ${CLIENT}`, `reset ${SERVER}`]
const ANSWERED = [`answer ${CLIENT}`, `reset ${SERVER}`]
const version = (value: string): Notice => ({ kind: 'detail', detail: 'protocol-version', value })
const judged = (answer: typeof ALLOWED): Notice => ({
  kind: 'judged',
  request: command('GET'),
  isKept: false,
  answer,
})
const websocket: Notice = {
  kind: 'identified',
  application: 'websocket',
  confidence: 'certain',
  evidence: '',
  after: 'http',
}

/** The first packet that is denied, after some notices; each came with a packet that acknowledged so much. */
function first(
  onDeny: AnsweredDeny | undefined,
  notices: readonly (readonly [Notice, number])[],
  of: TcpOf = { text: 'GET' },
) {
  const ending = new Ending()
  for (const [notice, acknowledgement] of notices) ending.note(notice, segment({ acknowledgement }).header)
  const sent = kinds(ending.refuse(segment(of), decision(onDeny), true))
  return { ending, sent }
}
const HTTP = [version('1.1'), 1] as const

describe('the first packet that is denied', () => {
  test.each<[string, AnsweredDeny | undefined, readonly (readonly [Notice, number])[], readonly string[]]>([
    ['silently', undefined, [HTTP], []],
    ['a reset for both', 'reset', [HTTP], BOTH_RESET],
    ['HTTP/1 is answered', 'respond', [HTTP], ANSWERED],
    ['HTTP/1.0 too', 'explain', [[version('1.0'), 1]], ANSWERED],
    ['HTTP/2 is not', 'respond', [[version('2'), 1]], BOTH_RESET],
    ['nor what did not say', 'respond', [], BOTH_RESET],
    ['nor what goes through it', 'respond', [HTTP, [websocket, 1]], BOTH_RESET],
    ['a request after an answer', 'respond', [HTTP, [judged(ALLOWED), 4_000]], ANSWERED],
    ['one whose predecessor has none', 'respond', [HTTP, [judged(ALLOWED), 5_000]], BOTH_RESET],
    ['one that was denied is none to wait for', 'respond', [HTTP, [judged(DENIED), 5_000]], ANSWERED],
  ])('%s', (_what, onDeny, notices, sent) => {
    expect(first(onDeny, notices).sent).toEqual(sent)
  })

  test('without data there is nothing to answer', () => {
    expect(first('respond', [HTTP], { text: '' }).sent).toEqual(BOTH_RESET)
  })

  test('a server is not answered', () => {
    const ending = new Ending()
    ending.note(...([version('1.1'), segment({}).header] as const))
    const bytes = segment({ from: 80, to: 40_000, text: 'HTTP' })
    expect(kinds(ending.refuse(bytes, decision('respond'), false))).toEqual([
      `reset ${SERVER}`,
      `reset ${CLIENT}`,
    ])
  })

  test('where nothing was decided, the question says how it ends', () => {
    const inspect: Inspect = { needs: ['http'], onFailure: 'closed', onDeny: 'reset' }
    expect(kinds(new Ending().refuse(segment({}), decision(undefined, inspect), true))).toEqual(BOTH_RESET)
    expect(kinds(new Ending().refuse(segment({}), decision('respond', inspect), true))).toEqual(BOTH_RESET)
  })
})

describe('what still comes', () => {
  const more = (onDeny: AnsweredDeny, ...packets: readonly (TcpOf & { fromServer?: true })[]) => {
    const { ending } = first(onDeny, [HTTP])
    return packets.map(({ fromServer, ...of }) => {
      const ends = fromServer ? { from: 80, to: 40_000 } : {}
      return kinds(ending.refuse(segment({ ...of, ...ends }), decision(onDeny), !fromServer))
    })
  }
  const AGAIN = [`reset ${CLIENT}`]

  test('after a reset is reset, each by itself', () => {
    expect(more('reset', { text: 'GET' }, { text: '' }, { text: 'x', fromServer: true })).toEqual([
      AGAIN,
      AGAIN,
      [`reset ${SERVER}`],
    ])
  })

  test('after an answer has time to be on its way, and none to be repeated', () => {
    expect(
      more(
        'respond',
        { sequence: 1_003, text: '' },
        { sequence: 1_003, text: 'more' },
        { sequence: 1_007, text: 'more' },
        { sequence: 1_007, text: 'more' },
      ),
    ).toEqual([[], [], [], AGAIN])
  })

  test('after an answer the request itself is none to be repeated', () => {
    expect(more('respond', { sequence: 1_000, text: 'GET' })).toEqual([AGAIN])
  })

  test('after an answer the client’s end is its end', () => {
    expect(more('respond', { sequence: 1_003, flags: FIN | ACK })).toEqual([AGAIN])
  })

  test('after an answer the server is reset as ever', () => {
    expect(more('respond', { fromServer: true, text: '' })).toEqual([[`reset ${SERVER}`]])
  })

  test('sequence numbers wrap', () => {
    const ending = new Ending()
    ending.note(version('1.1'), segment({}).header)
    const refuse = (of: TcpOf) => kinds(ending.refuse(segment(of), decision('respond'), true))
    expect(refuse({ sequence: 0xffff_fffe, text: 'GET' })).toEqual(ANSWERED)
    expect(refuse({ sequence: 1, text: 'more' })).toEqual([])
    expect(refuse({ sequence: 0xffff_fffe, text: 'GET' })).toEqual(AGAIN)
  })
})
