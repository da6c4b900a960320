import type { Told } from '@sekisho/dataplane'
import { createModel } from '@sekisho/policy'
import { expect, test } from 'vitest'
import { dnsEvents } from '../src/report/dns-event.ts'

const ends = {
  client: '10.1.0.5',
  server: '10.96.0.10',
  protocol: 'UDP',
  port: 53,
  clientPort: 40_000,
} as const
const told = (name: string, action: 'audit' | 'deny'): Told => ({
  ends,
  notice: {
    kind: 'dns',
    profile: 'strict',
    action,
    finding: { check: 'rebinding', name, address: '10.0.0.1' },
  },
})

test('a finding is an event with its sentence in both languages', () => {
  const [event] = dnsEvents([told('www.example.com', 'audit')], createModel())
  expect(event).toMatchObject({
    code: 'dns-finding',
    severity: 'warning',
    details: { client: '10.1.0.5', profile: 'strict', action: 'audit', check: 'rebinding' },
  })
  expect(event?.details.en).toMatch(/^www\.example\.com is a name of the Internet/)
  expect(event?.details.ja).toMatch(/^www\.example\.com は/)
})

test('what was stopped is worse, and other notices are no events of DNS', () => {
  expect(dnsEvents([told('a.example', 'deny')], createModel())[0]?.severity).toBe('critical')
  expect(dnsEvents([{ ends, notice: { kind: 'failed', onFailure: 'open' } }], createModel())).toEqual([])
})

test('a name of odd bytes makes no text that the server refuses', () => {
  const odd = Array.from({ length: 4 }, () => '\\000'.repeat(62)).join('.')
  for (const value of Object.values(dnsEvents([told(odd, 'audit')], createModel())[0]?.details ?? {}))
    expect(String(value).length).toBeLessThanOrEqual(1_024)
})
