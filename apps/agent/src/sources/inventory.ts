import type { NewEvent } from '../report/notes.ts'
import type { Inventory } from '../server/message.ts'
import { union, type WorkloadSource } from './source.ts'

export interface SourcesOptions {
  readonly sources: readonly WorkloadSource[]
  /** Every source has spoken; called again at each change. */
  onInventory(inventory: Inventory): void
  onEvent(event: NewEvent): void
}

export interface Sources extends AsyncDisposable {
  readonly degraded: readonly string[]
}

/**
 * Starts all sources and joins what they say. Nothing is told before each has spoken once: half an inventory would
 * look as if the other half were gone, and take its policies away.
 */
export function startSources({ sources, onInventory, onEvent }: SourcesOptions): Sources {
  const heard = new Map<string, Inventory>()
  const degraded = new Map<string, readonly string[]>()
  const running = new AsyncDisposableStack()
  for (const source of sources) {
    running.use(
      source.start({
        onEvent,
        onDegraded: reasons => void degraded.set(source.name, reasons),
        onInventory(inventory) {
          heard.set(source.name, inventory)
          if (heard.size === sources.length)
            onInventory(union(sources.flatMap(({ name }) => heard.get(name) ?? [])))
        },
      }),
    )
  }
  return {
    get degraded() {
      return [...degraded.values()].flat()
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
