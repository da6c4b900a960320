import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { openStore } from '../src/index.ts'
import { HOUR_WINDOW, temporary, testClock } from './builders.ts'
import { FLOWS } from './ingest-for-ever.ts'

/** Feeds the store from a child, and kills that after `acknowledgements`. @returns the last one that was read. */
async function feedAndKill(file: string, from: number, acknowledgements: number): Promise<number> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'ingest-for-ever.ts'), file, String(from)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const exit = once(child, 'exit')
  let last = from - 1
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line)
    // Acknowledgements already in the pipe are still read below: the child had them on disk.
    if (last >= from + acknowledgements) child.kill('SIGKILL')
  }
  const [, signal] = (await exit) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  return last
}

test('killed at any moment under load, every acknowledged batch is there exactly once', async () => {
  using dir = temporary()
  let acknowledged = 0
  for (const acknowledgements of [0, 1, 7, 23, 11]) {
    // As an agent does: the first batch that was not acknowledged is sent again.
    acknowledged = await feedAndKill(dir.file, acknowledged + 1, acknowledgements)
    using store = openStore({ path: dir.file, clock: testClock() })
    const stored = new Map<number, number>()
    for (const { port, connections } of store.records.edges(HOUR_WINDOW)) {
      stored.set(port, (stored.get(port) ?? 0) + connections)
    }
    // The last batch may have been stored without its acknowledgement having come through.
    expect([acknowledged, acknowledged + 1]).toContain(stored.size)
    expect([...stored.keys()].sort((a, b) => a - b)).toEqual(
      Array.from({ length: stored.size }, (_, i) => i + 1),
    )
    expect(new Set(stored.values())).toEqual(new Set([FLOWS]))
    const audit = store.audit.verify()
    expect(audit.intact && audit.entries >= acknowledged).toBe(true)
    const names = store.records.inventory().workloads.map(({ name }) => name)
    expect(new Set(names)).toEqual(new Set([`p-${stored.size}`, `p-${stored.size + 1}`]))
  }
}, 60_000)
