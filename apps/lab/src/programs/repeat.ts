import { setTimeout as sleep } from 'node:timers/promises'

/** Runs a task for ever, with a pause that varies by a fifth so that the programs do not march in step. */
export async function repeat(everyMs: number, task: (round: number) => Promise<unknown>): Promise<never> {
  for (let round = 0; ; round++) {
    await task(round)
    await sleep(everyMs * (0.9 + Math.random() * 0.2))
  }
}
