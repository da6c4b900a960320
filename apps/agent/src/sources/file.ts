import { statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { fail, LIMITS, type NodeName, type Result } from '@sekisho/core'
import { type Inventory, parseInventory } from '../server/message.ts'
import { isMissing, readIfThere } from '../state-directory.ts'
import type { SourceListener, WorkloadSource } from './source.ts'

export interface FileSourceOptions {
  readonly path: string
  readonly node: NodeName
}

/** Larger than any list within the limits. */
const FILE_MOST = LIMITS.requestBytes.value * 4

/**
 * Workloads from a JSON file that its writer replaces by rename. A file that cannot be used is reported once and
 * changes nothing: the last good one stays.
 */
export function fileSource({ path, node }: FileSourceOptions): WorkloadSource {
  return {
    name: 'file',
    start(listener) {
      let last: string | undefined
      const look = () => {
        const source = readBounded(path)
        if (source === last) return
        last = source
        tell(listener, path, parse(source, node))
      }
      // The directory is watched, since a rename puts another file under the name.
      const watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(path)) look()
      })
      watcher.on('error', error => tell(listener, path, fail(error.message)))
      look()
      return { [Symbol.dispose]: () => watcher.close() }
    },
  }
}

function tell(listener: SourceListener, path: string, result: Result<Inventory, string>): void {
  if (result.ok) {
    listener.onInventory(result.value)
    listener.onDegraded([])
    return
  }
  listener.onEvent({ code: 'workloads-refused', severity: 'warning', details: { file: path, reason: result.error } })
  listener.onDegraded([`${path} was refused, the last good one is in use: ${result.error}`])
}

/** The file's text; undefined when there is none. */
function readBounded(path: string): string | undefined {
  try {
    if (statSync(path).size > FILE_MOST) return ''
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  return readIfThere(path)
}

function parse(source: string | undefined, node: NodeName): Result<Inventory, string> {
  if (source === undefined) return fail('there is no such file')
  const inventory = parseInventory(source)
  if (!inventory.ok) return inventory
  const seen = new Set<string>()
  for (const { id, node: named } of inventory.value.workloads) {
    if (named !== node) return fail(`${id} is of node ${named}, this is ${node}`)
    if (seen.has(id)) return fail(`${id} is listed twice`)
    seen.add(id)
  }
  return inventory
}
