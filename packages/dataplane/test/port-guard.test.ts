import { expect, test } from 'vitest'
import { portGuard } from '../src/index.ts'

test('each port is held to the addresses of who is behind it', () => {
  const text = portGuard([
    { interface: 'veth1', addresses: ['10.0.0.2', 'fd00::2'] },
    { interface: 'veth2', addresses: ['10.0.0.3'] },
  ])
  expect(text).toMatch(/^add table bridge sekisho\ndelete table bridge sekisho\ntable bridge sekisho \{/)
  expect(text).toContain('set ports { type ifname; elements = { "veth1", "veth2" }; }')
  expect(text).toContain(
    'set own_4 { type ifname . ipv4_addr; elements = { "veth1" . 10.0.0.2, "veth2" . 10.0.0.3 }; }',
  )
  expect(text).toContain('set own_6 { type ifname . ipv6_addr; elements = { "veth1" . fd00::2 }; }')
})

test('without ports there is no table', () => {
  expect(portGuard([])).toBe('add table bridge sekisho\ndelete table bridge sekisho\n')
})

test('a name that nft would read as something else is no port', () => {
  expect(portGuard([{ interface: 'veth*', addresses: ['10.0.0.2'] }])).toBe(portGuard([]))
})
