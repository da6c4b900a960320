import type { StateSnapshot, Timers } from '@sekisho/core'
import { Runner } from './runner.ts'
import { parseSnapshot } from './server/message.ts'
import { readIfThere, writeDurably } from './state-directory.ts'

/** A change is written at once when the last one is this old, so that a quiet system loses nothing to a crash. */
const INTERVAL_MS = 1_000

/** The last state that was applied, written whole when it is disposed of, from which the kernel is programmed before the server answers. */
export interface LastState extends AsyncDisposable {
  /** Undefined when there is none; a damaged one is told to `onError` and is none. */
  load(): StateSnapshot | undefined
  /** Writes what `current` says, soon; a burst of changes is one write. */
  save(): void
}

export interface LastStateOptions {
  readonly path: string
  readonly timers: Timers
  current(): StateSnapshot | undefined
  onError(error: unknown): void
}

export function openLastState({ path, timers, current, onError }: LastStateOptions): LastState {
  let written: Pick<StateSnapshot, 'history' | 'revision'> | undefined
  const write = async () => {
    const state = current()
    if (!state || (state.revision === written?.revision && state.history === written.history)) return
    await writeDurably(path, JSON.stringify(state))
    written = state
  }
  const runner = new Runner({ timers, intervalMs: INTERVAL_MS, onError, run: write })
  return {
    load() {
      const source = readIfThere(path)
      if (source === undefined) return undefined
      const state = parseSnapshot(source)
      if (state.ok) {
        written = state.value
        return state.value
      }
      onError(new Error(`${path}: ${state.error}`))
      return undefined
    },
    save: () => runner.trigger(),
    async [Symbol.asyncDispose]() {
      await runner[Symbol.asyncDispose]()
      // What waited for its second: the next agent begins with all that this one knew.
      await write().catch(onError)
    },
  }
}
