import type { EpochMs } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { raiseAlarms } from '../../src/insight/alarms.ts'
import { attention } from '../../src/insight/attention.ts'
import { mapView } from '../../src/insight/map.ts'
import { at, end, flow, MINUTE, SHOP, scan, WINDOW, world } from './world.ts'

const METADATA = { ip: '169.254.169.254' }
const HOUR = 60 * MINUTE

/** A world in which the attack has just happened. */
function attacked() {
  const here = world()
  here.ports.clock.time = at(2 * MINUTE)
  here.report({
    workloads: SHOP,
    flows: [flow(), ...scan(), flow({ source: end('foothold'), destination: METADATA, port: 80 })],
  })
  const { records } = here.ports.store
  return {
    here,
    raise: () => records.eventsById(raiseAlarms(records, here.ports.clock)),
    wait: (ms: number) => {
      here.ports.clock.time = (here.ports.clock.time + ms) as EpochMs
    },
  }
}

test('an attack is told once, with who and what', () => {
  const { here, raise, wait } = attacked()
  using _ = here
  expect(raise()).toMatchObject([
    {
      code: 'port-scan',
      severity: 'critical',
      details: { source: 'shop/foothold', ports: 10, addresses: 1 },
    },
    {
      code: 'metadata-probe',
      severity: 'warning',
      details: { source: 'shop/foothold', address: METADATA.ip },
    },
  ])
  expect(raise()).toEqual([])
  wait(5 * MINUTE)
  expect(raise()).toEqual([])
})

test('an attack that goes on is told again after an hour of silence', () => {
  const { here, raise, wait } = attacked()
  using _ = here
  expect(raise()).toHaveLength(2)
  wait(HOUR + MINUTE)
  const time = here.ports.clock.time
  here.report({ flows: scan().map(each => ({ ...each, first: time, last: time })) })
  wait(1)
  expect(raise().map(({ code }) => code)).toEqual(['port-scan'])
})

test('honest traffic raises nothing', () => {
  using here = world()
  here.report({ workloads: SHOP, flows: [flow()] })
  expect(raiseAlarms(here.ports.store.records, here.ports.clock)).toEqual([])
})

test('the map marks the attacker, and nobody else', () => {
  const { here } = attacked()
  using _ = here
  const { nodes } = mapView(here.ports, { window: WINDOW, filter: [] })
  expect(nodes.flatMap(({ key, attack }) => (attack === undefined ? [] : [[key, attack]]))).toEqual([
    ['shop/foothold', 'port-scan'],
  ])
})

describe('the overview', () => {
  const scanned = (here: ReturnType<typeof world>) =>
    attention(here.ports, WINDOW).find(({ code }) => code === 'port-scan')
  const denied = (ms: number) =>
    flow({
      source: end('foothold'),
      port: 7001,
      outcome: 'denied',
      why: 'isolated',
      first: at(ms),
      last: at(ms),
    })

  test('an attack that passes is critical', () => {
    const { here } = attacked()
    using _ = here
    expect(scanned(here)).toMatchObject({ severity: 'critical' })
    expect(scanned(here)?.details).not.toHaveProperty('stopped')
  })

  test('an attack of which nothing passes any more is told to be stopped', () => {
    const { here } = attacked()
    using _ = here
    here.ports.clock.time = at(2 * MINUTE + 5_000)
    here.report({ flows: [denied(2 * MINUTE + 5_000)] })
    expect(scanned(here)).toMatchObject({ severity: 'warning', details: { stopped: true, denied: 1 } })
  })

  test('an attack that still passes in part is not stopped', () => {
    const { here, wait } = attacked()
    using _ = here
    wait(MINUTE)
    const later = here.ports.clock.time
    here.report({
      flows: [denied(2 * MINUTE), flow({ source: end('foothold'), first: later, last: later })],
    })
    expect(scanned(here)).toMatchObject({ severity: 'critical' })
  })
})
