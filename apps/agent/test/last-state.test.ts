import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StateSnapshot } from '@sekisho/core'
import { expect, test, vi } from 'vitest'
import { openLastState } from '../src/last-state.ts'
import { FakeTimers } from './fake-timers.ts'

const state = (revision: number, history = 'run'): StateSnapshot => ({
  kind: 'snapshot',
  history,
  revision,
  namespaces: [],
  workloads: [],
  policies: [],
})

test('the change that waits for its turn is on disk when the agent has stopped', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-last-'))
  const path = join(directory, 'last-state.json')
  const onError = vi.fn()
  let current = state(1)
  const open = () => openLastState({ path, timers: new FakeTimers(), current: () => current, onError })
  const last = open()
  last.save()
  current = state(2)
  last.save()
  await last[Symbol.asyncDispose]()
  expect(open().load()?.revision).toBe(2)
  // Another server's second revision is another state.
  current = state(2, 'of another')
  await last[Symbol.asyncDispose]()
  expect(open().load()).toEqual(current)
  expect(onError).not.toHaveBeenCalled()
  rmSync(directory, { recursive: true })
})
