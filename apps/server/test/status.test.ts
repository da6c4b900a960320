import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AgentStatus, EpochMs, NodeName } from '@sekisho/core'
import { openStore } from '@sekisho/store'
import { expect, test } from 'vitest'
import { databaseIn } from '../src/data.ts'
import { serverStatus } from '../src/status.ts'

const NOW = Date.parse('2026-05-01T12:00:00Z') as EpochMs
const clock = { now: () => NOW, monotonic: () => 0 }

test('what is known of agents is read beside a running server', () => {
  const data = mkdtempSync(join(tmpdir(), 'sekisho-server-status-'))
  {
    using store = openStore({ path: databaseIn(data), clock })
    const status = { version: '0.1.0', workloads: 3, rules: 7, degraded: ['load br_netfilter'] } as const
    for (const node of ['n1', 'n2'] as NodeName[])
      store.agents.join({ node, publicKey: 'k', certificateSerial: node })
    store.records.ingest({
      node: 'n1' as NodeName,
      epoch: 'e',
      sequence: 1,
      flows: [],
      events: [],
      status: status as unknown as AgentStatus, // what is printed of it
    })
    const lastSeen = '2026-05-01T12:00:00.000Z'
    expect(JSON.parse(serverStatus(data, clock))).toMatchObject({
      at: lastSeen,
      agents: [
        { node: 'n1', lastSeen, ...status },
        { node: 'n2', lastSeen, degraded: [] },
      ],
    })
  }
  rmSync(data, { recursive: true })
})
