import type { ApplicationDefinition, ApplicationName, CustomApplication } from '@sekisho/core'
import { parseCidr } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { compileCustom, compileOverrides, customProtocols, Identifier, PROTOCOLS } from '../../src/index.ts'
import { bytesOf, opening, type Said } from '../conversation.ts'

const bytes = (text: string, at = 0) => ({ kind: 'bytes', at, bytes: [...bytesOf(text)] }) as const

const ORDERS: ApplicationDefinition = {
  application: 'acme-orders' as CustomApplication, // as the reader of definitions would say
  transport: 'TCP',
  client: [
    bytes('ORD1'),
    { kind: 'bytes', at: 4, bytes: [0, null, 1] },
    { kind: 'text', at: 7, within: 8, pattern: 'user=[a-z]+;' },
  ],
  server: [bytes('\x06')],
  overrides: [],
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
    expect(compileCustom(ORDERS).recognise(opening(said)).kind).toBe(kind)
  })

  test('of one side alone is certain, and a datagram has no more to come', () => {
    const definition: ApplicationDefinition = { ...ORDERS, transport: 'UDP', server: [] }
    const recognise = (client: string) =>
      compileCustom(definition).recognise(opening({ client, transport: 'UDP' })).kind
    expect([whole, 'ORD1'].map(recognise)).toEqual(['certain', 'no'])
  })

  test('goes before what is built in', () => {
    const custom = customProtocols([{ ...ORDERS, client: [bytes('SSH-2.0-acme')], server: [] }])
    const conversation = new Identifier({ protocols: PROTOCOLS, custom }).open('TCP')
    expect(conversation.read('client', bytesOf('SSH-2.0-acme'))).toMatchObject([
      { application: 'acme-orders' },
    ])
    expect(conversation.isFinished).toBe(true)
  })
})

describe('an override', () => {
  const at = (
    application: ApplicationName,
    transport: 'TCP' | 'UDP',
    addresses: string | undefined,
    ports: readonly (readonly [number, number])[],
  ): ApplicationDefinition => {
    const block = addresses === undefined ? undefined : parseCidr(addresses)
    const overrides = [{ addresses: block?.ok ? [block.value] : [], ports }]
    return { application, transport, client: [], server: [], overrides }
  }
  const definitions = [
    at('ssh', 'TCP', '10.0.0.0/8', [
      [22, 22],
      [2_200, 2_299],
    ]),
    at('syslog', 'UDP', undefined, [[5_514, 5_514]]),
    at('http', 'TCP', '2001:db8::/32', []),
    ORDERS,
  ]
  test.each([
    ['TCP', '10.1.2.3', 22, 'ssh'],
    ['TCP', '10.1.2.3', 2_250, 'ssh'],
    ['TCP', '10.1.2.3', 2_300, undefined],
    ['TCP', '11.1.2.3', 22, undefined],
    ['UDP', '11.1.2.3', 5_514, 'syslog'],
    ['TCP', '2001:db8::7', 9, 'http'],
  ] as const)('of %s %s port %d is %s', (transport, address, port, application) => {
    expect(compileOverrides(definitions)(transport, address, port)).toBe(application)
  })

  test('is taken for granted', () => {
    const conversation = new Identifier({ protocols: PROTOCOLS }).open('TCP')
    expect(conversation.configure('ssh', 'override')).toMatchObject([
      { kind: 'identified', application: 'ssh', confidence: 'configured' },
    ])
    expect(conversation.read('client', bytesOf('SSH-2.0-x\r\n'))).toMatchObject([{ kind: 'detail' }])
  })

  test('without patterns is no recogniser', () => {
    expect(customProtocols(definitions).map(({ application }) => application)).toEqual(['acme-orders'])
  })
})
