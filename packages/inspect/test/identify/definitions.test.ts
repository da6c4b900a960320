import { describe, expect, test } from 'vitest'
import {
  compileCustom,
  compileOverrides,
  type Definitions,
  Identifier,
  PROTOCOLS,
  readDefinitions,
} from '../../src/index.ts'
import { bytesOf, opening, type Said } from '../conversation.ts'

const ORDERS = {
  name: 'acme-orders',
  transport: 'TCP',
  client: [{ text: 'ORD1' }, { at: 4, hex: '00 ?? 01' }, { at: 7, within: 8, pattern: 'user=[a-z]+;' }],
  server: [{ hex: '06' }],
}
const one = (application: object, more: object = {}) => ({
  applications: [{ ...ORDERS, ...application }],
  ...more,
})

function defined(json: unknown): Definitions {
  const read = readDefinitions(json)
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return read.value
}

describe('a definition', () => {
  const whole = 'ORD1\0\x07\x01user=ab;'
  test.each<[string, { client?: Said; server?: Said }, string]>([
    ['fits on both sides', { client: whole, server: '\x06' }, 'certain'],
    ['fits on one side, and the other is silent', { client: whole }, 'likely'],
    ['fits so far', { client: 'ORD1\0' }, 'more'],
    ['is not fitted by the other side', { client: whole, server: 'x' }, 'no'],
    ['is not fitted by a byte', { client: 'ORD1\0\x07\x02' }, 'no'],
    ['is not fitted by its first byte', { client: 'X' }, 'no'],
    ['has a pattern that is still to come', { client: 'ORD1\0\x07\x01use' }, 'more'],
    ['has a pattern that did not come in time', { client: 'ORD1\0\x07\x01user=abc' }, 'no'],
    ['waits while both are silent', {}, 'more'],
  ])('%s', (_, said, kind) => {
    const [definition] = defined(one({})).applications
    expect(definition && compileCustom(definition).recognise(opening(said)).kind).toBe(kind)
  })

  test('of one side alone is certain, and a datagram has no more to come', () => {
    const [definition] = defined(one({ transport: 'UDP', server: [] })).applications
    const recognise = (client: string) =>
      definition && compileCustom(definition).recognise(opening({ client, transport: 'UDP' })).kind
    expect([whole, 'ORD1'].map(recognise)).toEqual(['certain', 'no'])
  })

  test('goes before what is built in', () => {
    const json = one({ client: [{ text: 'SSH-2.0-acme' }], server: [] })
    const custom = defined(json).applications.map(compileCustom)
    const conversation = new Identifier({ protocols: PROTOCOLS, custom }).open('TCP')
    expect(conversation.read('client', bytesOf('SSH-2.0-acme'))).toMatchObject([
      { application: 'acme-orders' },
    ])
    expect(conversation.isFinished).toBe(true)
  })
})

describe('what is refused', () => {
  test.each<[string, unknown, string]>([
    ['no object', [], ''],
    ['an unknown field', { application: [] }, 'application'],
    ['a name that is built in', one({ name: 'ssh' }), 'applications[0].name'],
    ['a name that is none', one({ name: 'A b' }), 'applications[0].name'],
    ['a name twice', { applications: [ORDERS, ORDERS] }, 'applications'],
    ['no transport', one({ transport: undefined }), 'applications[0].transport'],
    ['nothing to compare', one({ client: [], server: [] }), 'applications[0]'],
    ['a pattern of two kinds', one({ client: [{ text: 'a', hex: '00' }] }), 'applications[0].client[0]'],
    ['a pattern of no kind', one({ client: [{ at: 3 }] }), 'applications[0].client[0]'],
    ['digits that are none', one({ client: [{ hex: '0g' }] }), 'applications[0].client[0].hex'],
    ['half a byte', one({ client: [{ hex: '012' }] }), 'applications[0].client[0].hex'],
    ['a text that is not ASCII', one({ client: [{ text: 'é' }] }), 'applications[0].client[0].text'],
    [
      'a place behind the opening',
      one({ client: [{ at: 9_000, text: 'a' }] }),
      'applications[0].client[0].at',
    ],
    [
      'a pattern that is not linear',
      one({ client: [{ pattern: '(a)\\1' }] }),
      'applications[0].client[0].pattern',
    ],
    ['a bracket too many', one({ client: [{ pattern: 'a)|(b' }] }), 'applications[0].client[0].pattern'],
    [
      'a width without a pattern',
      one({ client: [{ text: 'a', within: 3 }] }),
      'applications[0].client[0].within',
    ],
    ['an override of nothing', { overrides: [{ application: 'ssh', transport: 'TCP' }] }, 'overrides[0]'],
    [
      'an override by an unknown name',
      { overrides: [{ application: 'shh', transport: 'TCP', ports: [22] }] },
      'overrides[0].application',
    ],
    [
      'ports the wrong way around',
      { overrides: [{ application: 'ssh', transport: 'TCP', ports: ['30-20'] }] },
      'overrides[0].ports[0]',
    ],
    [
      'an address that is no block',
      { overrides: [{ application: 'ssh', transport: 'TCP', addresses: ['10.0.0.1'] }] },
      'overrides[0].addresses[0]',
    ],
  ])('%s, by its path', (_, json, path) => {
    const read = readDefinitions(json)
    expect(read.ok ? 'accepted' : read.error.map(problem => problem.path)).toContain(path)
  })
})

describe('an override', () => {
  const { overrides } = defined({
    overrides: [
      { application: 'ssh', transport: 'TCP', addresses: ['10.0.0.0/8'], ports: [22, '2200-2299'] },
      { application: 'syslog', transport: 'UDP', ports: [5514] },
      { application: 'http', transport: 'TCP', addresses: ['2001:db8::/32'] },
    ],
  })
  test.each([
    ['TCP', '10.1.2.3', 22, 'ssh'],
    ['TCP', '10.1.2.3', 2_250, 'ssh'],
    ['TCP', '10.1.2.3', 2_300, undefined],
    ['TCP', '11.1.2.3', 22, undefined],
    ['UDP', '11.1.2.3', 5_514, 'syslog'],
    ['TCP', '2001:db8::7', 9, 'http'],
  ] as const)('of %s %s port %d is %s', (transport, address, port, application) => {
    expect(compileOverrides(overrides)(transport, address, port)).toBe(application)
  })

  test('is taken for granted', () => {
    const conversation = new Identifier({ protocols: PROTOCOLS }).open('TCP')
    expect(conversation.configure('ssh', 'override')).toMatchObject([
      { kind: 'identified', application: 'ssh', confidence: 'configured' },
    ])
    expect(conversation.read('client', bytesOf('SSH-2.0-x\r\n'))).toMatchObject([{ kind: 'detail' }])
  })
})
