import { LIMITS, type Transport } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Finding, Identifier, PROTOCOLS, type Side } from '../../src/index.ts'
import {
  certain,
  likely,
  MORE,
  NO,
  type Opening,
  type Protocol,
  type Recognition,
} from '../../src/protocol.ts'
import { detail, NOTHING, type Reading } from '../../src/reading.ts'
import { bytesOf } from '../conversation.ts'

const numRuns = Number(process.env.SEKISHO_FUZZ_RUNS ?? 500)
const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes)
const startOf = (opening: Opening, side: Side): string => textOf(opening[side].subarray(0, 64))

/** Recognises a greeting by either side; what it reads, it tells as details. */
function greeting(
  application: Protocol['application'],
  words: { readonly client?: string; readonly server?: string },
  answer: (evidence: string) => Recognition = certain,
): Protocol {
  const fits = (said: string, word: string | undefined): Recognition => {
    if (word === undefined || said === '') return MORE
    if (said.startsWith(word)) return answer(word)
    return word.startsWith(said) ? MORE : NO
  }
  return {
    application,
    transports: ['TCP', 'UDP'],
    recognise(opening) {
      const answers = (['client', 'server'] as const).map(side => fits(startOf(opening, side), words[side]))
      return answers.find(({ kind }) => kind === 'no') ?? answers.find(({ kind }) => kind !== 'more') ?? MORE
    },
    open: () => ({ read: (side, bytes) => [detail('command', `${side}: ${textOf(bytes)}`)] }),
  }
}

/** Its reader answers each text with what is listed for it. */
const scripted = (
  application: Protocol['application'],
  script: Readonly<Record<string, readonly Reading[]>>,
): Protocol => ({
  ...greeting(application, { client: 'S' }),
  open: () => ({
    read(_, bytes) {
      const text = textOf(bytes)
      if (text === 'throw') throw new TypeError('a bug')
      return script[text] ?? NOTHING
    },
  }),
})

type Said = readonly (readonly [Side, string])[]

function hear(protocols: readonly Protocol[], said: Said, transport: Transport = 'TCP') {
  const identifier = new Identifier({ protocols })
  const conversation = identifier.open(transport)
  const findings = said.flatMap(([side, text]) => conversation.read(side, bytesOf(text)))
  return { findings, conversation, identifier }
}

const brief = (finding: Finding): string => {
  switch (finding.kind) {
    case 'identified':
      return [
        finding.confidence,
        finding.application,
        ...(finding.after ? ['after', finding.after] : []),
      ].join(' ')
    case 'detail':
      return finding.value
    case 'unknown':
      return `unknown: ${finding.why}`
    default:
      return finding.kind
  }
}
const briefly = (protocols: readonly Protocol[], said: Said, transport?: Transport) =>
  hear(protocols, said, transport).findings.map(brief)

const REDIS = greeting('redis', { client: 'PING' })
const SMTP = greeting('smtp', { client: 'EHLO', server: '220 ' }, likely)
const FTP = greeting('ftp', { client: 'USER', server: '220 ' }, likely)

describe('what is recognised', () => {
  test('one that is certain, at once, and its reader hears everything', () => {
    expect(
      briefly(
        [REDIS, SMTP],
        [
          ['client', 'PING'],
          ['server', 'PONG'],
        ],
      ),
    ).toEqual(['certain redis', 'client: PING', 'server: PONG'])
  })

  test('what was said before the decision is read in its order', () => {
    const said: Said = [
      ['client', 'P'],
      ['server', 'x'],
      ['client', 'IN'],
      ['client', 'G!'],
    ]
    expect(briefly([REDIS], said)).toEqual([
      'certain redis',
      'client: P',
      'server: x',
      'client: IN',
      'client: G!',
    ])
  })

  test('of two that are likely, the one that the other side confirms', () => {
    expect(
      briefly(
        [SMTP, FTP],
        [
          ['server', '220 hi'],
          ['client', 'USER a'],
        ],
      ),
    ).toEqual(['likely ftp', 'server: 220 hi', 'client: USER a'])
  })

  test('one that is likely, when nobody else is left', () => {
    expect(briefly([SMTP, REDIS], [['client', 'EHLO me']])[0]).toBe('likely smtp')
  })

  test('one that is likely waits for one that may be more, until the other side has spoken', () => {
    const longer = greeting('mysql', { client: 'EHLO and more' })
    expect(briefly([SMTP, longer], [['client', 'EHLO']])).toEqual([])
    expect(
      briefly(
        [SMTP, longer],
        [
          ['client', 'EHLO'],
          ['server', '220 '],
        ],
      )[0],
    ).toBe('likely smtp')
    expect(
      briefly(
        [SMTP, longer],
        [
          ['client', 'EHLO'],
          ['client', ' and more'],
        ],
      )[0],
    ).toBe('certain mysql')
  })

  test('sides are checked against each other', () => {
    expect(
      briefly(
        [SMTP],
        [
          ['server', '22'],
          ['client', 'USER a'],
        ],
      ),
    ).toEqual(['unknown: nothing-fits'])
  })

  test('datagrams that nobody answers are what one of them is likely to be, after some', () => {
    const waits = greeting('mysql', { client: 'EHLO', server: 'x' }, () => MORE)
    const said = (times: number): Said => Array.from({ length: times }, () => ['client', 'EHLO'] as const)
    expect(briefly([SMTP, waits], said(2), 'UDP')).toEqual([])
    expect(briefly([SMTP, waits], said(3), 'UDP')[0]).toBe('likely smtp')
    expect(briefly([SMTP, waits], said(3), 'TCP')).toEqual([])
  })

  test('a datagram is read whole, and only the first of each side is compared', () => {
    const said: Said = [
      ['client', 'PI'],
      ['client', 'NG'],
    ]
    expect(briefly([REDIS], said, 'UDP')).toEqual([])
    expect(
      briefly(
        [REDIS],
        [
          ['client', 'PING'],
          ['client', ''],
        ],
        'UDP',
      ),
    ).toEqual(['certain redis', 'client: PING', 'client: '])
  })
})

describe('what is not', () => {
  test.each<[string, readonly Protocol[], Said, string]>([
    ['nothing fits', [REDIS, SMTP], [['client', 'HELLO']], 'unknown: nothing-fits'],
    [
      'two stay likely',
      [SMTP, FTP],
      Array.from({ length: 12 }, () => ['server', '220 '] as const),
      'unknown: ambiguous',
    ],
    [
      'one waits for ever',
      [greeting('redis', { client: 'x'.repeat(100) })],
      Array.from({ length: 12 }, () => ['client', 'x'] as const),
      'unknown: undecided',
    ],
    [
      'the opening is full',
      [greeting('redis', { client: 'x', server: 'y' }, () => MORE)],
      [['client', 'x'.repeat(LIMITS.openingBytes.value)]],
      'unknown: undecided',
    ],
  ])('%s', (_, protocols, said, answer) => {
    const { findings, conversation } = hear(protocols, said)
    expect(findings.map(brief)).toEqual([answer])
    expect(conversation.isFinished).toBe(true)
    expect(conversation.read('client', bytesOf('PING'))).toEqual([])
  })

  test('large datagrams are not kept beyond the opening', () => {
    const said = Array.from({ length: 3 }, () => ['client', 'P'.padEnd(4_000, 'P')] as const)
    const waits = greeting('redis', { client: 'P' }, () => MORE)
    expect(briefly([waits], said, 'UDP')).toEqual(['unknown: undecided'])
  })
})

describe('what a reader says', () => {
  const becomes = (application?: Protocol['application']): Reading => ({
    kind: 'becomes',
    rest: bytesOf('PING'),
    ...(application && { application }),
  })

  test('it is more than was thought', () => {
    const script = { next: [{ kind: 'refined', application: 'websocket', evidence: 'Upgrade' }] } as const
    const { findings, conversation } = hear(
      [scripted('http', script)],
      [
        ['client', 'S'],
        ['client', 'next'],
      ],
    )
    expect(findings.map(brief)).toEqual(['certain http', 'certain websocket'])
    expect(conversation.application).toBe('websocket')
  })

  test('another protocol begins, named or not, with the rest of the bytes', () => {
    for (const name of ['redis', undefined] as const) {
      const protocols = [scripted('http', { next: [becomes(name)] }), REDIS]
      expect(
        briefly(protocols, [
          ['client', 'S'],
          ['client', 'next'],
          ['server', 'PONG'],
        ]),
      ).toEqual(['certain http', 'certain redis after http', 'client: PING', 'server: PONG'])
    }
  })

  test('one that becomes another again and again is not followed for ever', () => {
    const again = scripted('http', { S: [{ kind: 'becomes', rest: bytesOf('S') }] })
    const findings = briefly([again], [['client', 'S']])
    expect(findings.length).toBe(LIMITS.conversationTurns.value + 2)
    expect(findings.at(-1)).toBe('unreadable')
  })

  test('nothing more, and then nothing more is read', () => {
    for (const end of [{ kind: 'opaque' }, { kind: 'unreadable', reason: 'because' }] as const) {
      const { findings, conversation } = hear(
        [scripted('http', { end: [end], next: [{ kind: 'opaque' }] })],
        [
          ['client', 'S'],
          ['client', 'end'],
          ['client', 'next'],
        ],
      )
      expect(findings.slice(1)).toEqual([end])
      expect(conversation.isFinished).toBe(true)
    }
  })
})

describe('a bug of ours', () => {
  test('in a reader ends its conversation, says so, and is counted', () => {
    const { findings, identifier } = hear(
      [scripted('http', {})],
      [
        ['client', 'S'],
        ['client', 'throw'],
        ['client', 'S'],
      ],
    )
    expect(findings.map(brief)).toEqual(['certain http', 'engine-error'])
    expect(identifier.engineErrors).toBe(1)
  })

  test('in a recogniser leaves the others to decide', () => {
    const broken: Protocol = {
      ...REDIS,
      application: 'nats',
      recognise: ({ client }) => {
        if (client.length > 1) throw new TypeError('a bug')
        return MORE
      },
    }
    const { findings, identifier } = hear([broken, REDIS], [['client', 'PING']])
    expect(findings.map(brief)[0]).toBe('certain redis')
    expect(identifier.engineErrors).toBe(1)
  })
})

describe('every protocol that there is', () => {
  const tcp = PROTOCOLS.filter(({ transports }) => transports.includes('TCP'))

  test.each(tcp.map(protocol => [protocol.application, protocol] as const))(
    '%s says no to a first byte only if it says no to all that begins with it',
    (_, protocol) => {
      const kindOf = (side: Side, bytes: Uint8Array) => {
        const none = new Uint8Array()
        const said = side === 'client' ? { client: bytes, server: none } : { client: none, server: bytes }
        return protocol.recognise({ transport: 'TCP', ...said, first: side }).kind
      }
      fc.assert(
        fc.property(
          fc.constantFrom<Side>('client', 'server'),
          fc.uint8Array({ minLength: 2, maxLength: 64 }),
          (side, bytes) => {
            if (kindOf(side, bytes.subarray(0, 1)) === 'no') expect(kindOf(side, bytes)).toBe('no')
          },
        ),
        { numRuns },
      )
    },
  )

  test('any conversation in any pieces is followed without an error of ours', () => {
    const identifier = new Identifier({ protocols: PROTOCOLS })
    const word = fc.constantFrom(
      'SSH-2.0-x\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      '*1\r\n$4\r\nPING\r\n',
      '\x16\x03\x01',
    )
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 64 }), word.map(bytesOf))
    fc.assert(
      fc.property(
        fc.constantFrom<Transport>('TCP', 'UDP'),
        fc.array(fc.tuple(fc.constantFrom<Side>('client', 'server'), bytes), { maxLength: 12 }),
        (transport, said) => {
          const conversation = identifier.open(transport)
          for (const [side, chunk] of said) conversation.read(side, chunk)
          expect(identifier.engineErrors).toBe(0)
        },
      ),
      { numRuns },
    )
  })
})
