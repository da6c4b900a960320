import { LIMITS } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { type Side, STRICT, StreamMemory, type StreamPolicy, TcpStream } from '../../src/index.ts'
import { headerOf, type Segment, said } from './segments.ts'

type Step = readonly [side: Side, segment: Segment, said: string]

/** The client's first byte is 101, the server's 501. */
const HANDSHAKE: readonly Step[] = [
  ['client', { flags: 'S', sequence: 100 }, '+'],
  ['server', { flags: 'SA', sequence: 500, acknowledgement: 101 }, '+'],
  ['client', { flags: 'A', sequence: 101, acknowledgement: 501 }, '+'],
]
const client = (sequence: number, text: string, more: Partial<Segment> = {}): Segment => ({
  flags: 'A',
  sequence,
  acknowledgement: 501,
  text,
  ...more,
})
const server = (sequence: number, acknowledgement: number, text = ''): Segment => ({
  flags: 'A',
  sequence,
  acknowledgement,
  text,
})

function play(steps: readonly Step[], policy: StreamPolicy = STRICT): TcpStream {
  const stream = new TcpStream(new StreamMemory(), policy)
  for (const [i, [side, segment, answer]] of steps.entries())
    expect([i, said(stream, side, segment)]).toEqual([i, answer])
  return stream
}

describe('after the handshake', () => {
  test.each<[string, readonly Step[]]>([
    [
      'what is next passes',
      [
        ['client', client(101, 'abc'), 'abc'],
        ['client', client(104, 'de'), 'de'],
        ['server', server(501, 106, 'xy'), 'xy'],
      ],
    ],
    [
      'what is ahead does not, and passes when it is repeated',
      [
        ['client', client(104, 'de'), 'ahead'],
        ['client', client(101, 'abc'), 'abc'],
        ['client', client(104, 'de'), 'de'],
      ],
    ],
    [
      'a repetition with the same bytes passes, with others it does not',
      [
        ['client', client(101, 'abc'), 'abc'],
        ['client', client(101, 'abc'), '+'],
        ['client', client(102, 'b'), '+'],
        ['client', client(101, 'abX'), 'differs'],
      ],
    ],
    [
      'a repetition that goes on passes with what is new in it',
      [
        ['client', client(101, 'abc'), 'abc'],
        ['client', client(102, 'bcde'), 'de'],
        ['client', client(102, 'bXdefg'), 'differs'],
        ['client', client(100, '.abcdef'), 'f'],
      ],
    ],
    [
      'what the receiver has, it does not take again: any bytes pass there',
      [
        ['client', client(101, 'abc'), 'abc'],
        ['server', server(501, 103), '+'],
        ['client', client(101, 'XX'), '+'],
        ['client', client(101, 'XXc'), '+'],
        ['client', client(101, 'XXX'), 'differs'],
        ['client', client(101, 'XXcd'), 'd'],
      ],
    ],
    [
      'a keep-alive, of no byte or of one',
      [
        ['client', client(101, 'abc'), 'abc'],
        ['server', server(501, 104), '+'],
        ['client', client(103, ''), '+'],
        ['client', client(103, '\0'), '+'],
      ],
    ],
    [
      'a probe of a closed window is new, and its repetition must be the same',
      [
        ['client', client(101, 'a'), 'a'],
        ['client', client(101, 'abc'), 'bc'],
        ['client', client(101, 'Xbc'), 'differs'],
      ],
    ],
    [
      'what acknowledges more than has passed does not pass',
      [
        ['client', client(101, 'abc'), 'abc'],
        ['server', server(501, 105), 'acknowledges-unseen'],
        ['server', server(501, 104), '+'],
      ],
    ],
    ['an acknowledgement without data may be ahead of lost data', [['client', client(150, ''), '+']]],
    [
      'the end',
      [
        ['client', client(101, 'abc', { flags: 'FA' }), 'abc'],
        ['client', client(101, 'abc', { flags: 'FA' }), '+'],
        ['client', client(104, '', { flags: 'FA' }), '+'],
        ['client', client(104, 'x'), 'after-end'],
        ['client', client(105, 'x'), 'after-end'],
        ['client', client(105, '', { flags: 'FA' }), 'after-end'],
        ['client', client(105, ''), '+'],
        ['server', server(501, 105, 'xy'), 'xy'],
      ],
    ],
    [
      'an end that was not there before',
      [
        ['client', client(101, 'abc'), 'abc'],
        ['client', client(101, 'ab', { flags: 'FA' }), 'differs'],
        ['client', client(103, '', { flags: 'FA' }), 'differs'],
        ['client', client(106, '', { flags: 'FA' }), 'ahead'],
        ['client', client(103, 'c', { flags: 'FA' }), '+'],
        ['client', client(103, '', { flags: 'FA' }), 'differs'],
      ],
    ],
    [
      'a reset that the receiver may expect ends nothing; others do not pass',
      [
        ['client', client(101, 'abc'), 'abc'],
        ['client', { flags: 'R', sequence: 105 }, 'reset'],
        ['client', { flags: 'R', sequence: 100 }, 'reset'],
        ['client', { flags: 'R', sequence: 104, text: 'x' }, 'reset'],
        ['client', { flags: 'R', sequence: 104 }, '+'],
        ['client', client(104, 'de'), 'de'],
        ['client', client(101, 'Xbc'), 'differs'],
      ],
    ],
    [
      'a SYN within passes bare, for the receiver says what it expects; with data it does not',
      [
        ['client', { flags: 'S', sequence: 9_000 }, '+'],
        ['client', { flags: 'S', sequence: 9_000, text: 'x' }, 'handshake'],
        ['server', { flags: 'SA', sequence: 9_000, acknowledgement: 101 }, 'handshake'],
        ['server', { flags: 'S', sequence: 500 }, 'handshake'],
      ],
    ],
    [
      'flags that no sender sets together',
      [
        ['client', { flags: 'SF', sequence: 101 }, 'flags'],
        ['client', { flags: 'SR', sequence: 101 }, 'flags'],
        ['client', { flags: 'RF', sequence: 101 }, 'flags'],
        ['client', { flags: '', sequence: 101, text: 'x' }, 'flags'],
        ['client', { flags: 'F', sequence: 101 }, 'flags'],
      ],
    ],
    [
      'a timestamp that is older than what passed',
      [
        ['client', client(101, 'abc', { timestamp: 1_000 }), 'abc'],
        ['client', client(104, 'de', { timestamp: 998 }), 'old-timestamp'],
        ['client', client(104, 'de', { timestamp: 999 }), 'de'],
        ['client', client(106, 'f', { timestamp: 0x8000_0000 + 900 }), 'f'],
        ['client', client(107, '', { timestamp: 1 }), '+'],
      ],
    ],
    ['urgent data', [['client', client(101, 'abc', { flags: 'AU' }), 'urgent']]],
    ['a packet that was copied in part', [['client', client(101, 'abc', { missing: 10 }), 'cut']]],
  ])('%s', (_, steps) => {
    play([...HANDSHAKE, ...steps])
  })
})

describe('the beginning', () => {
  test.each<[string, readonly Step[]]>([
    [
      'not seen',
      [
        ['client', client(101, 'abc'), 'midstream'],
        ['server', server(501, 104, 'xyz'), 'midstream'],
        ['client', { flags: 'R', sequence: 101 }, 'reset'],
      ],
    ],
    [
      'data before the answer',
      [
        ['client', { flags: 'S', sequence: 100 }, '+'],
        ['client', client(101, 'abc'), 'midstream'],
      ],
    ],
    [
      'the answer says which SYN was taken, seen or not',
      [
        ['server', { flags: 'SA', sequence: 500, acknowledgement: 201 }, '+'],
        ['client', client(101, 'abc'), '+'],
        ['client', client(198, 'abcdef'), 'def'],
        ['client', client(201, 'dXf'), 'differs'],
      ],
    ],
    [
      'a client that tries again, and a server that repeats its answer and gives another',
      [
        ['client', { flags: 'S', sequence: 100 }, '+'],
        ['client', { flags: 'S', sequence: 200 }, '+'],
        ['server', { flags: 'SA', sequence: 500, acknowledgement: 201 }, '+'],
        ['server', { flags: 'SA', sequence: 500, acknowledgement: 201 }, '+'],
        ['server', { flags: 'SA', sequence: 500, acknowledgement: 202 }, 'handshake'],
        ['server', { flags: 'SA', sequence: 501, acknowledgement: 201 }, 'handshake'],
        ['client', { flags: 'S', sequence: 100 }, '+'],
        ['client', client(201, 'abc'), 'abc'],
      ],
    ],
    [
      'data on SYN: the server may have taken another one',
      [
        ['client', { flags: 'S', sequence: 100, text: 'abc' }, 'handshake'],
        ['client', { flags: 'S', sequence: 100 }, '+'],
        ['server', { flags: 'SA', sequence: 500, acknowledgement: 101 }, '+'],
        ['client', { flags: 'S', sequence: 100, text: 'abc' }, 'handshake'],
        ['client', client(101, 'abd'), 'abd'],
      ],
    ],
    [
      'split and simultaneous handshakes',
      [
        ['client', { flags: 'S', sequence: 100 }, '+'],
        ['server', { flags: 'S', sequence: 500 }, 'handshake'],
        ['client', { flags: 'SA', sequence: 100, acknowledgement: 501 }, 'handshake'],
        ['client', client(101, 'abc'), 'midstream'],
      ],
    ],
    [
      'a refusal',
      [
        ['client', { flags: 'S', sequence: 100 }, '+'],
        ['server', { flags: 'RA', sequence: 0, acknowledgement: 101 }, '+'],
      ],
    ],
  ])('%s', (_, steps) => {
    play(steps)
  })

  test('a stream that is taken over is read from where it is', () => {
    play(
      [
        ['client', client(101, 'abc'), 'abc'],
        ['server', server(501, 104, 'xyz'), 'xyz'],
        ['client', client(90, 'before'), '+'],
        ['client', client(104, 'de'), 'de'],
        ['client', client(104, 'dX'), 'differs'],
        ['server', server(504, 120), '+'],
        ['client', client(120, 'f'), 'f'],
      ],
      { midstream: 'adopt', urgent: 'refuse' },
    )
  })

  test('a stream whose beginning was seen is not taken over, whatever is configured', () => {
    play(
      [
        ...HANDSHAKE,
        ['client', client(101, 'abc'), 'abc'],
        ['server', server(501, 105), 'acknowledges-unseen'],
      ],
      {
        midstream: 'adopt',
        urgent: 'refuse',
      },
    )
  })

  test('urgent data in line, where it is so configured', () => {
    play([...HANDSHAKE, ['client', client(101, 'abc', { flags: 'AU' }), 'abc']], {
      midstream: 'refuse',
      urgent: 'inline',
    })
  })
})

test('sequence numbers wrap', () => {
  const top = 0xffff_fffe
  play([
    ['client', { flags: 'S', sequence: top }, '+'],
    ['server', { flags: 'SA', sequence: 500, acknowledgement: top + 1 }, '+'],
    ['client', client(top + 1, 'abc'), 'abc'],
    ['client', client(2, 'de'), 'de'],
    ['client', client(top + 1, 'abcde'), '+'],
    ['client', client(top + 1, 'abcdX'), 'differs'],
    ['server', server(501, 3), '+'],
    ['client', client(top + 1, 'abcde'), '+'],
  ])
})

describe('memory', () => {
  const opened = (memory: StreamMemory): TcpStream => {
    const stream = new TcpStream(memory)
    for (const [side, segment] of HANDSHAKE) said(stream, side, segment)
    return stream
  }
  const full = 'x'.repeat(60_000)
  /** Sends pieces until one does not pass. */
  function fill(stream: TcpStream): number {
    let sent = 0
    while (said(stream, 'client', client(101 + sent, full)) === full) sent += full.length
    return sent
  }

  test('what is not acknowledged is bounded, and an acknowledgement lets the sender go on', () => {
    const stream = opened(new StreamMemory())
    const sent = fill(stream)
    expect(sent).toBeLessThanOrEqual(LIMITS.streamUnacknowledgedBytes.value)
    expect(sent).toBeGreaterThan(LIMITS.streamUnacknowledgedBytes.value - full.length)
    expect(said(stream, 'client', client(101 + sent, full))).toBe('unacknowledged')
    said(stream, 'server', server(501, 101 + full.length))
    expect(said(stream, 'client', client(101 + sent, full))).toBe(full)
    expect(said(stream, 'client', client(101 + sent, `${full.slice(1)}y`))).toBe('differs')
  })

  test('all streams together are bounded, and give back what is acknowledged and what is closed', () => {
    const memory = new StreamMemory(100_000)
    const [one, other] = [opened(memory), opened(memory)]
    expect(fill(one)).toBe(full.length)
    expect(fill(other)).toBe(0)
    said(one, 'server', server(501, 101 + full.length))
    expect(memory.used).toBe(0)
    expect(fill(other)).toBe(full.length)
    other[Symbol.dispose]()
    expect(memory.used).toBe(0)
  })
})

describe('when only the client is followed', () => {
  const followed = (): TcpStream => {
    const stream = play([...HANDSHAKE, ['client', client(101, 'abc'), 'abc']])
    stream.followClientOnly()
    return stream
  }
  const continued = (steps: readonly Step[]): TcpStream => {
    const stream = followed()
    for (const [side, segment, answer] of steps) expect(said(stream, side, segment)).toBe(answer)
    return stream
  }

  test.each<[string, readonly Step[]]>([
    [
      'its bytes pass in order and once, whatever they acknowledge',
      [
        ['client', client(106, 'fg'), 'ahead'],
        ['client', client(104, 'de', { acknowledgement: 9_000 }), 'de'],
        ['client', client(101, 'abcde'), '+'],
        ['client', client(101, 'aXcde'), 'differs'],
        ['client', client(104, 'def', { acknowledgement: 1 }), 'f'],
        ['client', client(107, 'g', { flags: 'AU' }), 'urgent'],
      ],
    ],
    [
      'what the server says passes, wherever it stands, and is not read',
      [
        ['server', server(700, 104, 'xyz'), '+'],
        ['server', server(501, 104, 'XYZ'), '+'],
        ['server', { flags: 'SA', sequence: 500, acknowledgement: 101 }, '+'],
        ['server', { flags: 'RA', sequence: 9_000, acknowledgement: 104 }, '+'],
      ],
    ],
    [
      'what the server has is not held any more, and of what never passed it can have nothing',
      [
        ['client', client(101, 'XXX'), 'differs'],
        ['server', server(700, 105), 'acknowledges-unseen'],
        ['client', client(101, 'XXX'), 'differs'],
        ['server', server(700, 104), '+'],
        ['client', client(101, 'XXX'), '+'],
      ],
    ],
  ])('%s', (_, steps) => {
    continued(steps)
  })

  test('what is held tells how long no acknowledgement was seen', () => {
    const stream = followed()
    expect(stream.unacknowledged).toBe(3)
    said(stream, 'client', client(104, 'de'))
    expect(stream.unacknowledged).toBe(5)
    said(stream, 'server', server(700, 106, 'xyz'))
    expect(stream.unacknowledged).toBe(0)
  })

  test('it is over with the end of the client', () => {
    const stream = followed()
    said(stream, 'server', { flags: 'FA', sequence: 700, acknowledgement: 104 })
    expect(stream.isOver).toBe(false)
    said(stream, 'client', client(104, '', { flags: 'FA' }))
    expect(stream.isOver).toBe(true)
  })

  test('another answer than the first is of another connection', () => {
    const stream = followed()
    const answer = (sequence: number) =>
      stream.isAnotherAnswer(headerOf({ flags: 'SA', sequence, acknowledgement: 101 }))
    expect([answer(500), answer(501)]).toEqual([false, true])
  })
})

test('a connection is over after a reset or both ends', () => {
  const stream = play(HANDSHAKE)
  expect(stream.isOver).toBe(false)
  said(stream, 'client', client(101, '', { flags: 'FA' }))
  expect(stream.isOver).toBe(false)
  said(stream, 'server', { flags: 'FA', sequence: 501, acknowledgement: 102 })
  expect(stream.isOver).toBe(true)
  const other = play(HANDSHAKE)
  said(other, 'server', { flags: 'R', sequence: 501 })
  expect(other.isOver).toBe(true)
})
