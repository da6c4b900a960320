/** Named checks, one line each on stderr, with the time since the start and how long it took itself. */
export interface Steps {
  run<T>(name: string, step: () => Promise<T>, detail?: (value: T) => string): Promise<T>
  say(name: string, detail: string): void
  /** Milliseconds since the start, by step. */
  readonly took: ReadonlyMap<string, number>
}

const seconds = (ms: number) => (ms / 1000).toFixed(2).padStart(6)

export function openSteps(write: (line: string) => void): Steps {
  const start = performance.now()
  const took = new Map<string, number>()
  const line = (mark: string, name: string, detail: string) =>
    write(`${seconds(performance.now() - start)} s  ${mark} ${name.padEnd(18)} ${detail}\n`)
  return {
    took,
    say: (name, detail) => line('·', name, detail),
    async run(name, step, detail) {
      const began = performance.now()
      try {
        const value = await step()
        took.set(name, performance.now() - began)
        const own = `(${((performance.now() - began) / 1000).toFixed(2)} s)`
        line('✓', name, `${detail?.(value) ?? ''} ${own}`.trim())
        return value
      } catch (error) {
        line('✗', name, error instanceof Error ? error.message : String(error))
        throw error
      }
    },
  }
}
