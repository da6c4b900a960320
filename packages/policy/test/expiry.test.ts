import type { EpochMs } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { createTableCompiler, decideByTable, explain } from '../src/index.ts'
import { WORKLOADS, web } from './asking.ts'
import { modelOf, NODE } from './builders.ts'

describe('rules that end', () => {
  const rule = { validUntil: '2030-01-01T00:00:00+09:00', ticket: 'SEC-1' }
  const END = Date.parse('2029-12-31T15:00:00Z') as EpochMs
  const query = {
    source: { ip: '10.0.0.1' },
    destination: { ip: '10.0.0.2' },
    protocol: 'TCP',
    port: 80,
  } as const
  const at = (action: string, now: EpochMs | undefined) => {
    const model = modelOf(WORKLOADS, [web('p', { egress: [{ action, ...rule }] })])
    if (now !== undefined) model.update({ now })
    return model
  }

  test.each([
    ['Allow', undefined, 'deny'],
    ['Allow', END - 1, 'allow'],
    ['Allow', END, 'deny'],
    ['Deny', undefined, 'deny'],
    ['Deny', END - 1, 'deny'],
    ['Deny', END, 'allow'],
  ] as const)('%s at %s: %s', (action, now, verdict) => {
    expect(at(action, now as EpochMs | undefined).decide(query).verdict).toBe(verdict)
  })

  test('the table follows the time, back as well, and the model says when', () => {
    const model = at('Allow', (END - 1) as EpochMs)
    expect(model.nextExpiry()).toBe(END)
    const compiler = createTableCompiler(model, { name: NODE, addresses: [] })
    const verdict = () =>
      decideByTable(compiler.table, {
        source: '10.0.0.1',
        destination: '10.0.0.2',
        protocol: 'TCP',
        port: 80,
      }).egress?.verdict
    expect(verdict()).toBe('allow')
    compiler.update(model.update({ now: END }))
    expect([verdict(), model.nextExpiry()]).toEqual(['deny', undefined])
    compiler.update(model.update({ now: (END - 1) as EpochMs }))
    expect(verdict()).toBe('allow')
  })

  test('explain names what has expired', () => {
    expect(explain(at('Allow', END), query).considered[0]).toMatchObject({
      outcome: 'expired',
      rule: 'SecurityPolicy/shop/p#egress[0]',
    })
  })
})
