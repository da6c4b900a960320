import type { Transport } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PROTOCOLS, type Side } from '../src/index.ts'
import { opening } from './conversation.ts'

/** More runs with `SEKISHO_FUZZ_RUNS`. */
const numRuns = Number(process.env.SEKISHO_FUZZ_RUNS ?? 300)
const side = fc.constantFrom<Side>('client', 'server')
const bytes = fc.uint8Array({ maxLength: 400 })
const pairs = PROTOCOLS.flatMap(protocol => protocol.transports.map(transport => ({ protocol, transport })))
const titled = pairs.map(pair => [pair.protocol.application, pair.transport, pair.protocol] as const)

describe('any bytes', () => {
  test.each(titled)('%s over %s recognises or refuses them', (_, transport, protocol) => {
    fc.assert(
      fc.property(bytes, bytes, (client, server) => {
        const { kind } = protocol.recognise(opening({ client, server, transport }))
        expect(['no', 'more', 'likely', 'certain']).toContain(kind)
      }),
      { numRuns },
    )
  })

  test.each(titled)('%s over %s reads them or says why not', (_, transport: Transport, protocol) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(side, bytes), { maxLength: 8 }), said => {
        const reader = protocol.open?.(transport)
        for (const [from, chunk] of said) {
          for (const reading of reader?.read(from, chunk) ?? []) expect(reading.kind).toBeTypeOf('string')
        }
      }),
      { numRuns },
    )
  })

  test.each(titled)('%s over %s: a silent side is waited for', (_, transport, protocol) => {
    expect(protocol.recognise(opening({ transport }))).toEqual({ kind: 'more' })
  })

  test('a name has one protocol for each transport', () => {
    const names = pairs.map(({ protocol, transport }) => `${protocol.application}/${transport}`)
    expect(new Set(names).size).toBe(names.length)
  })
})
