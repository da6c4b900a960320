import type { EpochMs } from '@sekisho/core'
import type { KubeCall, KubeClient } from '@sekisho/kube'
import { expect, vi } from 'vitest'
import { type ClusterWatch, createWatch } from '../../src/cluster/watch.ts'

const ROUND_MS = 5_000

/** A cluster to which a writer writes, in rounds that begin when the test says so. */
export class Rounds implements AsyncDisposable {
  readonly calls: KubeCall[] = []
  readonly troubles: (readonly [string, boolean])[] = []
  /** What every call fails with. */
  error: Error | undefined
  /** What the cluster says where it is asked; it takes what it is told. */
  answer: (call: KubeCall) => unknown = () => undefined
  readonly watch: ClusterWatch
  readonly #stop = new AbortController()
  #now = Date.parse('2026-05-01T12:00:00Z')
  #wake: (() => void) | undefined
  #done: Promise<void> | undefined

  constructor() {
    const client: KubeClient = {
      call: async call => {
        this.calls.push(call)
        if (this.error) throw this.error
        return this.answer(call) ?? { metadata: { name: 'written', resourceVersion: '2' } }
      },
      stream: () => {
        throw new Error('nothing is watched here')
      },
      [Symbol.dispose]: () => undefined,
    }
    const after = (_: number, run: () => void) => {
      this.#wake = run
      return { [Symbol.dispose]: () => undefined }
    }
    this.watch = createWatch({
      client,
      timers: { now: () => this.#now as EpochMs, monotonic: () => this.#now, after },
      random: () => 0,
      onTrouble: (what, error) => this.troubles.push([what, error !== undefined]),
    })
  }

  begin(writer: { run(signal: AbortSignal): Promise<void> }): this {
    this.#done = writer.run(this.#stop.signal)
    return this
  }

  async round(ms = ROUND_MS): Promise<void> {
    await vi.waitFor(() => expect(this.#wake).toBeDefined())
    this.#now += ms
    const run = this.#wake
    this.#wake = undefined
    run?.()
    await vi.waitFor(() => expect(this.#wake).toBeDefined())
  }

  async [Symbol.asyncDispose]() {
    this.#stop.abort()
    this.#wake?.()
    await this.#done
  }
}
