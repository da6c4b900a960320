import { writeSync } from 'node:fs'
import { openStore } from '../src/index.ts'
import { at, batch, flow, pod, testClock, workload } from './builders.ts'

/** Flows of one batch; each is one connection, to the port that is the batch's sequence. */
export const FLOWS = 100

/** Run by a test, which kills it: stores batches as fast as it can and prints the sequence of each when it is on disk. */
function run(path: string, from: number): void {
  const store = openStore({ path, clock: testClock(at(1000)) })
  for (let sequence = from; ; sequence++) {
    const flows = Array.from({ length: FLOWS }, (_, i) =>
      flow({ source: { workload: pod(`p-${sequence}`), ip: `10.0.${i >> 8}.${i & 255}` }, port: sequence }),
    )
    // Inventory grows and shrinks with each batch, so that a kill also falls between its rows.
    store.records.ingest(
      batch(sequence, { flows, workloads: [workload(`p-${sequence}`), workload(`p-${sequence + 1}`)] }),
    )
    store.audit.append({
      actor: 'test',
      action: 'ingest',
      target: String(sequence),
      result: 'ok',
      from: '',
      details: '',
    })
    writeSync(1, `${sequence}\n`)
  }
}

if (process.argv[1] === import.meta.filename) run(process.argv[2] ?? '', Number(process.argv[3]))
