import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { AgentEvent, Batch } from '@sekisho/core'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openSpool, type Spool, type SpooledBatch } from '../src/report/spool.ts'
import { makeStateDirectory, stateDirectory } from '../src/state-directory.ts'
import { NODE } from './builders.ts'

const DEAD = new Error('the process is dead')
/** Changes to the disk that are still let through. */
const disk = vi.hoisted(() => ({ left: Number.POSITIVE_INFINITY }))
vi.mock('node:fs/promises', async original => {
  const real = await original<typeof import('node:fs/promises')>()
  const mortal =
    <A extends unknown[], R>(change: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      --disk.left <= 0 ? Promise.reject(DEAD) : change(...args)
  return { ...real, open: mortal(real.open), rename: mortal(real.rename), rm: mortal(real.rm) }
})

let root = ''
let directory = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sekisho-spool-'))
  directory = stateDirectory(root).spool
  makeStateDirectory(stateDirectory(root))
})
afterEach(() => rmSync(root, { recursive: true }))

const open = (
  mostBytes = 1e6,
  onDropped: (batch: SpooledBatch) => void = () => expect.unreachable(),
): Spool => openSpool({ directory, mostBytes, onDropped })

/** Incompressible, so that sizes add up. */
const content = (mark: string): Omit<Batch, 'epoch' | 'sequence'> => ({
  node: NODE,
  flows: [],
  events: [{ code: mark, severity: 'info', at: 0, details: {} } as unknown as AgentEvent],
})

async function readOldest(spool: Spool): Promise<Batch> {
  const bytes = await spool.oldest()?.read()
  return JSON.parse(gunzipSync(bytes ?? new Uint8Array()).toString()) as Batch
}

async function drain(spool: Spool): Promise<number[]> {
  const sequences: number[] = []
  for (let batch = spool.oldest(); batch; batch = spool.oldest()) {
    sequences.push(batch.sequence)
    await spool.remove(batch)
  }
  return sequences
}

test('batches come out in the order they went in, with growing sequences', async () => {
  const spool = open()
  for (const mark of ['a', 'b', 'c']) await spool.append(content(mark))
  expect(await readOldest(spool)).toMatchObject({ sequence: 1, epoch: spool.epoch, events: [{ code: 'a' }] })
  expect(await drain(spool)).toEqual([1, 2, 3])
  expect(spool).toMatchObject({ length: 0, bytes: 0 })
})

test('a new process goes on where the last one was, also from an empty spool', async () => {
  const first = open()
  await first.append(content('a'))
  await first.append(content('b'))
  const second = open()
  expect(second.epoch).toBe(first.epoch)
  expect(second.length).toBe(2)
  expect(await drain(second)).toEqual([1, 2])
  const third = open()
  await third.append(content('c'))
  expect(third.oldest()?.sequence).toBe(3)
  expect(third.epoch).toBe(first.epoch)
})

test('when everything is lost the numbers begin anew in another epoch', async () => {
  const first = open()
  await first.append(content('a'))
  rmSync(directory, { recursive: true })
  makeStateDirectory(stateDirectory(root))
  const second = open()
  await second.append(content('b'))
  expect(second.oldest()?.sequence).toBe(1)
  expect(second.epoch).not.toBe(first.epoch)
})

test('a full spool gives up the oldest and says so', async () => {
  const dropped: number[] = []
  const probe = open()
  await probe.append(content('x'))
  const size = probe.bytes
  await drain(probe)
  const spool = open(size * 3 + 10, batch => dropped.push(batch.sequence))
  for (const mark of ['a', 'b', 'c', 'd', 'e']) await spool.append(content(mark))
  expect(dropped).toEqual([2, 3])
  expect(spool.bytes).toBeLessThanOrEqual(size * 3 + 10)
  expect(await drain(spool)).toEqual([4, 5, 6])
})

describe('a crash before any change to the disk', () => {
  /** Appends and removes; notes what the spool had confirmed before it died. */
  async function live(spool: Spool): Promise<{ spooled: Set<number>; removed: Set<number> }> {
    const [spooled, removed] = [new Set<number>(), new Set<number>()]
    try {
      for (let sequence = 1; sequence <= 4; sequence++) {
        await spool.append(content(`e${sequence}`))
        spooled.add(sequence)
        const oldest = spool.oldest()
        if (sequence % 2 === 0 && oldest) {
          removed.add(oldest.sequence) // the server has it from here on
          await spool.remove(oldest)
        }
      }
    } catch (error) {
      expect(error).toBe(DEAD)
    }
    return { spooled, removed }
  }

  test('loses nothing that was spooled and never uses a number twice', async () => {
    let survived = 0
    for (let step = 1; survived === 0; step++) {
      expect(step).toBeLessThan(100)
      rmSync(directory, { recursive: true })
      makeStateDirectory(stateDirectory(root))
      disk.left = step
      const { spooled, removed } = await live(open())
      if (disk.left > 0) survived = step
      disk.left = Number.POSITIVE_INFINITY
      makeStateDirectory(stateDirectory(root))
      expect(readdirSync(directory).filter(name => name.endsWith('.tmp'))).toEqual([])
      const after = open()
      await after.append(content('next'))
      const sequences = await drain(after)
      for (const sequence of spooled) expect(removed.has(sequence) || sequences.includes(sequence)).toBe(true)
      expect(sequences.at(-1)).toBeGreaterThan(Math.max(0, ...spooled, ...sequences.slice(0, -1)))
    }
    expect(survived).toBeGreaterThan(20)
  })
})

test('any files in the directory are survived', async () => {
  const names = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc
      .tuple(fc.uuid(), fc.nat(99), fc.constantFrom('3.json.gz', 'done', 'x.json.gz', '.json.gz'))
      .map(parts => parts.join('.')),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(names, { maxLength: 6 }), async found => {
      rmSync(directory, { recursive: true })
      makeStateDirectory(stateDirectory(root))
      const plain = found.filter(name => !/[/\0]/.test(name) && !['', '.', '..'].includes(name))
      for (const name of plain) writeFileSync(join(directory, name), 'garbage')
      const spool = open()
      await spool.append(content('new'))
      const sequences = await drain(spool)
      expect(new Set(sequences).size).toBe(sequences.length)
      expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
    }),
    { numRuns: 40 },
  )
})

test('a batch whose file is gone reads as nothing', async () => {
  const spool = open()
  await spool.append(content('a'))
  for (const name of readdirSync(directory)) rmSync(join(directory, name))
  expect(await spool.oldest()?.read()).toBeUndefined()
  expect(await drain(spool)).toEqual([1])
})
