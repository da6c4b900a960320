import type { Clock, EpochMs } from '@sekisho/core'
import type { NftOperation } from '@sekisho/linux'
import type { TableChange } from '@sekisho/policy'
import { describe, expect, test } from 'vitest'
import { type NftPort, openDataplane } from '../src/index.ts'
import { counterName, ruleKey } from '../src/names.ts'
import { KernelTable } from './kernel.ts'
import { attachment, chain, isolation, rule, ruleIdOf, selector, table } from './tables.ts'

const clock: Clock = { now: () => 0 as EpochMs, monotonic: () => 0 }
const NOTHING: TableChange = {
  members: [],
  setsAdded: [],
  setsRemoved: [],
  chainsAdded: [],
  chainsRemoved: [],
  attachments: [],
}
const compiled = () =>
  table({
    sets: [selector('s', '10.1.0.1')],
    chains: [chain('c', [[rule(0, { peers: ['s'] }), isolation]])],
    attachments: [attachment('a', { enforce: { ingress: 'c' } })],
  })
const joins = (...add: string[]): TableChange => ({ ...NOTHING, members: [{ set: 's', add, remove: [] }] })

/** A kernel behind the port; `fail` makes its next transactions fail. */
function fakeNft() {
  const kernel = new KernelTable()
  const sizes: number[] = []
  const port: NftPort & { fail: number } = {
    fail: 0,
    async commit(_table: string, operations: readonly NftOperation[]) {
      await Promise.resolve()
      sizes.push(operations.length)
      if (port.fail-- > 0) throw new Error('refused')
      kernel.commit(operations)
    },
    counters: () =>
      Promise.resolve(
        new Map([
          [counterName('enforce', ruleKey(ruleIdOf(0))), { packets: 5, bytes: 500 }],
          [counterName('enforce', ruleKey(ruleIdOf())), { packets: 7, bytes: 700 }],
          ['spoofed', { packets: 2, bytes: 80 }],
        ]),
      ),
  }
  return { kernel, port, sizes }
}

describe('data plane', () => {
  test('follows a change by elements, and does nothing for none', async () => {
    const { kernel, port, sizes } = fakeNft()
    const dataplane = openDataplane({ nft: port, clock, generation: 1 })
    const one = compiled()
    await dataplane.sync(one)
    await dataplane.update(one, NOTHING)
    await dataplane.update(one, joins('10.1.0.2'))
    expect(sizes.length).toBe(2)
    expect(sizes[1]).toBeLessThan(10)
    expect(JSON.stringify(kernel.snapshot())).toContain('10,1,0,2')
    expect(dataplane.stats).toMatchObject({ programs: 2, programErrors: 0, rebuilds: 1 })
  })

  test('what changes no verdict is one element, and neither a generation nor a revision of what was read', async () => {
    const { port, sizes } = fakeNft()
    let revisions = 0
    const revise = async () => {
      revisions++
    }
    const inspection = { queues: { first: 40, workers: 1 }, identify: 'off', revise } as const
    const dataplane = openDataplane({ nft: port, clock, generation: 1, inspection })
    const one = compiled()
    await dataplane.sync(one)
    await dataplane.update(one, { ...joins('10.1.0.2'), isLasting: true })
    expect([sizes[1], revisions]).toEqual([1, 1])
    await dataplane.update(one, joins('10.1.0.3'))
    expect(sizes[2]).toBeGreaterThan(1)
    expect(revisions).toBe(2)
  })

  test('builds everything anew after an error, and what waited meanwhile is part of it', async () => {
    const { kernel, port } = fakeNft()
    const errors: unknown[] = []
    const dataplane = openDataplane({ nft: port, clock, generation: 1, onError: error => errors.push(error) })
    const one = compiled()
    await dataplane.sync(one)
    port.fail = 1
    await Promise.all([dataplane.update(one, joins('10.1.0.2')), dataplane.update(one, joins('10.1.0.3'))])
    expect(errors).toHaveLength(1)
    expect(dataplane.stats).toMatchObject({ programs: 2, programErrors: 1, rebuilds: 2 })
    const fresh = fakeNft()
    const other = openDataplane({ nft: fresh.port, clock, generation: 3 })
    await other.sync({ ...one, sets: new Map([['s', selector('s', '10.1.0.1', '10.1.0.2', '10.1.0.3')]]) })
    expect(kernel.snapshot()).toEqual(fresh.kernel.snapshot())
  })

  test('a rebuild that fails too is told to the caller, and the next change tries again', async () => {
    const { port } = fakeNft()
    const dataplane = openDataplane({ nft: port, clock, onError: () => undefined })
    const one = compiled()
    await dataplane.sync(one)
    port.fail = 2
    await expect(dataplane.update(one, joins('10.1.0.2'))).rejects.toThrow('refused')
    await dataplane.update(one, joins('10.1.0.3'))
    expect(dataplane.stats).toMatchObject({ programErrors: 2, rebuilds: 3 })
  })

  test('a change that does not fit the table is answered by a rebuild', async () => {
    const { port } = fakeNft()
    const errors: unknown[] = []
    const dataplane = openDataplane({ nft: port, clock, onError: error => errors.push(error) })
    await dataplane.sync(compiled())
    await dataplane.update(compiled(), {
      ...NOTHING,
      members: [{ set: 'gone', add: ['10.0.0.1'], remove: [] }],
    })
    expect(errors).toHaveLength(1)
    expect(dataplane.stats.rebuilds).toBe(2)
  })

  test('leaves nothing behind', async () => {
    const { kernel, port } = fakeNft()
    const dataplane = openDataplane({ nft: port, clock })
    await dataplane.sync(compiled())
    await dataplane.uninstall()
    expect(kernel.snapshot()).toBeUndefined()
    await dataplane.uninstall()
  })

  test('counters by rule, and how many packets should have been told of', async () => {
    const { port } = fakeNft()
    const dataplane = openDataplane({ nft: port, clock })
    await dataplane.sync(compiled())
    const { enforce, denied, audited, spoofed } = await dataplane.counters()
    expect(enforce.get(ruleIdOf(0))).toEqual({ packets: 5, bytes: 500 })
    expect([denied, audited, spoofed.packets]).toEqual([9, 0, 2])
    expect(dataplane.ruleOf('enforce', ruleKey(ruleIdOf()))).toBe(ruleIdOf())
  })
})
