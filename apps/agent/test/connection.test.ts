import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeName } from '@sekisho/core'
import { ok } from '@sekisho/core'
import { expect, test, vi } from 'vitest'
import { openSpool } from '../src/report/spool.ts'
import { Connection } from '../src/server/connection.ts'
import { makeStateDirectory, stateDirectory } from '../src/state-directory.ts'
import { SYSTEM_TIMERS } from '../src/timers.ts'
import { startStateServer } from './state-server.ts'

test('a server that lost its records is joined again where the cluster vouches for the agent', async () => {
  const root = mkdtempSync(join(tmpdir(), 'sekisho-connection-'))
  const stop = new AbortController()
  await using server = await startStateServer({ directory: join(root, 'server') })
  const directory = stateDirectory(join(root, 'agent'))
  makeStateDirectory(directory)
  const [token, authority] = [join(root, 'token'), join(root, 'ca.pem')]
  writeFileSync(token, server.podToken)
  writeFileSync(authority, server.authority.certificate)
  const connection = new Connection({
    run: {
      server: server.url,
      node: 'n1' as NodeName,
      join: { kind: 'service-account', token, authority },
    },
    directory,
    spool: openSpool({ directory: directory.spool, mostBytes: 1e6, onDropped: () => undefined }),
    timers: SYSTEM_TIMERS,
    position: () => undefined,
    apply: () => ok(undefined),
    onConnected: () => undefined,
    onTrouble: () => undefined,
    onEvent: () => undefined,
    onBatchRefused: () => undefined,
  })
  const running = connection.run(stop.signal)
  await vi.waitFor(() => expect(server.asked).toHaveLength(1))
  server.forget()
  await vi.waitFor(() => expect(server.asked).toHaveLength(2))
  expect(server.joins).toBe(2)
  // The server has been asked a moment before its answer is here.
  await vi.waitFor(() => expect(connection.connected).toBe(true))
  stop.abort()
  await running
  rmSync(root, { recursive: true })
})
