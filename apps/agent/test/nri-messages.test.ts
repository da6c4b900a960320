import { Malformed } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRequest, parseSandbox, refusalOf, refused, registration, STATUS } from '../src/nri/messages.ts'
import { Fields, message } from '../src/nri/protobuf.ts'
import { CONNECTION, frame, type Message, Trunk, TYPE } from '../src/nri/trunk.ts'
import { sandbox } from './nri-runtime.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

/** What the Go modules nri v0.11.0 and ttrpc v1.2.7 wrote for Configure and for StateChange, as they cut it. */
const CONFIGURE = hex(`
  00000001000000540000004a0000000101000a1b6e72692e706b672e6170692e7631616c706861312e506c7567696e12
  09436f6e6669677572651a1a120a636f6e7461696e6572641a0676322e322e3920882728d00f20ab9eb5b907
`)
const RUN_POD = hex(`
  00000001000000ae000000a40000000301000a1b6e72692e706b672e6170692e7631616c706861312e506c7567696e12
  0b53746174654368616e67651a720801126e0a0663306666656512037765621a027531220473686f702a0a0a03617070
  120377656242331a092f6b756265706f64732a050a037069642a1f0a076e6574776f726b12142f7661722f72756e2f6e
  65746e732f636e692d3148e724520831302e312e302e375207464430303a3a3720b59486aa06
`)

const readAll = (...chunks: readonly Uint8Array[]): Message[] => {
  const trunk = new Trunk()
  return chunks.flatMap(chunk => [...trunk.read(chunk)])
}

describe('what a runtime writes', () => {
  test('Configure', () => {
    const [request] = readAll(CONFIGURE)
    expect(request).toMatchObject({ connection: CONNECTION.plugin, stream: 1, type: TYPE.request })
    expect(parseRequest(request?.payload ?? hex(''))).toEqual({
      ok: true,
      value: { kind: 'configure', requestMs: 2_000 },
    })
  })

  test('a pod that starts', () => {
    const asked = parseRequest(readAll(CONFIGURE, RUN_POD)[1]?.payload ?? hex(''))
    const pod = asked.ok && asked.value.kind === 'run' ? asked.value.pod : hex('')
    expect(parseSandbox(pod)).toEqual({
      ok: true,
      value: {
        id: 'c0ffee',
        namespace: 'shop',
        workload: 'pod:shop/web',
        addresses: ['10.1.0.7', 'fd00::7'],
        netns: '/run/netns/cni-1',
        pid: 4711,
      },
    })
  })

  test('however it is cut', () => {
    const all = Buffer.concat([CONFIGURE, RUN_POD, CONFIGURE])
    const whole = readAll(all)
    expect(whole).toHaveLength(3)
    fc.assert(
      fc.property(fc.array(fc.nat(all.length), { maxLength: 40 }), cuts => {
        const ends = [...cuts, all.length].toSorted((a, b) => a - b)
        const pieces = ends.map((end, i) => all.subarray(ends[i - 1] ?? 0, end))
        expect(readAll(...pieces)).toEqual(whole)
      }),
      { numRuns: 200 },
    )
  })

  test('a message in frames of one byte', () => {
    const payload = message([1, 'service'])
    const inner = frame({ connection: 1, stream: 1, type: TYPE.request, payload }).subarray(8)
    const frames = [...inner].map(byte => Buffer.concat([hex('00000001 00000001'), Uint8Array.of(byte)]))
    expect(readAll(...frames)).toMatchObject([{ stream: 1, payload }])
  })
})

describe('what no runtime writes', () => {
  test.each<[string, string]>([
    ['a frame of 4 GiB', '00000001 ffffffff'],
    ['a message of more than 4 MiB', '00000001 0000000a 00400001 00000001 0100'],
  ])('%s is refused before it is held', (_what, bytes) => {
    expect(() => readAll(hex(bytes))).toThrow(Malformed)
  })

  test('what is of no open connection is passed over', () => {
    expect(readAll(hex('00000009 00000001 00'), CONFIGURE)).toHaveLength(1)
  })

  test.each<[string, string]>([
    ['half a varint', '08 80'],
    ['a varint of eleven bytes', '08 ffffffffffffffffffff 01'],
    ['a length beyond the end', '0a 05 61'],
    ['a length of 2⁶³', '0a ffffffffffffffff7f'],
    ['a field without a number', '00 00'],
    ['the start of a group', '0b'],
  ])('%s', (_what, bytes) => {
    expect(() => new Fields(hex(bytes))).toThrow(Malformed)
    expect(parseRequest(hex(bytes)).ok).toBe(false)
    expect(parseSandbox(hex(bytes)).ok).toBe(false)
  })

  test.each<[string, Uint8Array]>([
    ['no id', sandbox({ id: '', name: 'web' })],
    ['an id that leaves the folder', sandbox({ id: '../../etc/passwd', name: 'web' })],
    ['no name', sandbox({ id: 'a', name: '' })],
    ['no namespace', sandbox({ id: 'a', name: 'web', namespace: '' })],
    ['half an address', sandbox({ id: 'a', name: 'web', ips: ['10.1'] })],
    [
      '65 addresses',
      sandbox({ id: 'a', name: 'web', ips: Array.from({ length: 65 }, (_, i) => `10.0.0.${i}`) }),
    ],
    ['a name that is a number', message([1, 'a'], [2, 7], [4, 'shop'])],
    ['a name that is no UTF-8', message([1, 'a'], [2, hex('ff')], [4, 'shop'])],
  ])('a pod with %s', (_what, bytes) => {
    expect(parseSandbox(bytes).ok).toBe(false)
  })

  test('any bytes are read, or said to be unreadable', () => {
    const bytes = fc.uint8Array({ maxLength: 300 })
    const isAnswer = ({ ok }: { readonly ok: boolean }) => expect(typeof ok).toBe('boolean')
    fc.assert(
      fc.property(bytes, any => {
        isAnswer(parseRequest(any))
        isAnswer(parseSandbox(any))
        isAnswer(refusalOf(any))
        try {
          readAll(any, any)
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

test('what is written is read again, fixed numbers are passed over', () => {
  const value = fc.oneof(fc.nat(), fc.string(), fc.uint8Array())
  fc.assert(
    fc.property(fc.array(value, { maxLength: 20 }), values => {
      const read = new Fields(
        Buffer.concat([
          hex('a1 06 0102030405060708 a5 06 01020304'),
          message(...values.map((each, i) => [i + 1, each] as const)),
        ]),
      )
      const again = values.map((each, i) =>
        typeof each === 'number'
          ? read.number(i + 1)
          : typeof each === 'string'
            ? read.text(i + 1)
            : read.bytes(i + 1),
      )
      expect(again.map(each => (typeof each === 'object' ? Buffer.from(each) : each))).toEqual(
        values.map(each => (typeof each === 'object' ? Buffer.from(each) : each)),
      )
    }),
    { numRuns: 300 },
  )
})

test('our own messages fit into one frame of the other end', () => {
  const longest = refused(STATUS.unavailable, '拒'.repeat(10_000))
  expect(refusalOf(longest)).toEqual({ ok: true, value: '拒'.repeat(500) })
  const write = (payload: Uint8Array) => frame({ connection: 1, stream: 1, type: TYPE.response, payload })
  expect(write(longest).length).toBeLessThan(4_096)
  expect(() => write(Buffer.alloc(5_000))).toThrow(RangeError)
  expect(readAll(write(registration('sekisho', '10')))).toHaveLength(1)
})
