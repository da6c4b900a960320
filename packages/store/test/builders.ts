import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Batch,
  type Clock,
  type EpochMs,
  type Flow,
  type NodeName,
  policyId,
  type Workload,
  type WorkloadId,
  workloadId,
} from '@sekisho/core'
import type { PolicyText } from '../src/index.ts'

/** 2026-01-01T00:00:00Z, the start of a minute and of an hour. */
export const START = 1_767_225_600_000 as EpochMs
export const MINUTE = 60_000
export const at = (ms: number): EpochMs => (START + ms) as EpochMs
export const node = (name = 'node-1'): NodeName => name as NodeName

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  time: EpochMs
}
export function testClock(time: EpochMs = START): TestClock {
  return {
    time,
    now() {
      return this.time
    },
    monotonic: () => performance.now(),
  }
}

/** A directory that is gone at the end of the block. */
export function temporary(): Disposable & { readonly file: string } {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-store-'))
  return {
    file: join(directory, 'sekisho.db'),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}

export function workload(
  name: string,
  change: Partial<Workload> & { readonly owner?: Workload['owner'] } = {},
): Workload {
  const namespace = change.namespace ?? 'shop'
  return {
    id: workloadId('pod', namespace, name),
    kind: 'pod',
    namespace,
    name,
    owner: { kind: 'Deployment', name: name.replace(/-\d+$/, '') },
    labels: { app: name },
    node: node(),
    addresses: ['10.0.0.1'],
    hostNetwork: false,
    ports: [],
    state: 'running',
    ...change,
  }
}

export const pod = (name: string, namespace = 'shop'): WorkloadId => workloadId('pod', namespace, name)

export function flow(change: Partial<Flow> = {}): Flow {
  return {
    source: { workload: pod('web-1'), ip: '10.0.0.1' },
    destination: { workload: pod('db-1'), ip: '10.0.0.2' },
    protocol: 'TCP',
    port: 5432,
    outcome: 'allowed',
    why: 'not-selected',
    connections: 1,
    packets: 10,
    bytesToDestination: 1000,
    bytesToSource: 2000,
    first: START,
    last: START,
    ...change,
  }
}

export function batch(sequence: number, change: Partial<Batch> = {}): Batch {
  return { node: node(), epoch: 'e1', sequence, flows: [], events: [], ...change }
}

export const policy = (name: string, change: Partial<PolicyText> = {}): PolicyText => ({
  id: policyId('SecurityPolicy', 'shop', name),
  mode: 'Audit',
  yaml: `name: ${name}\n`,
  document: { kind: 'SecurityPolicy', metadata: { name } },
  ...change,
})

export const HOUR_WINDOW = { since: START, until: at(60 * MINUTE) }
