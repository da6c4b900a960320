import { readFileSync, statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { fail, LIMITS, type NodeName, ok, type Result } from '@sekisho/core'
import { type Inventory, parseInventory } from '../server/message.ts'
import { isMissing } from '../state-directory.ts'
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
      let last: Result<string, string> | undefined
      const look = () => {
        const source = readBounded(path)
        if (isDeepStrictEqual(source, last)) return
        last = source
        tell(listener, path, source.ok ? parse(source.value, node) : source)
      }
      // The directory is watched, since a rename puts another file under the name.
      const watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(path)) look()
      })
      watcher.on('error', error => tell(listener, path, fail(error.message)))
      look()
      return {
        [Symbol.asyncDispose]() {
          watcher.close()
          return Promise.resolve()
        },
      }
    },
  }
}

function tell(listener: SourceListener, path: string, result: Result<Inventory, string>): void {
  if (result.ok) {
    listener.onInventory(result.value)
    listener.onDegraded([])
    return
  }
  listener.onEvent({
    code: 'workloads-refused',
    severity: 'warning',
    details: { file: path, reason: result.error },
  })
  listener.onDegraded([`${path} was refused, the last good one is in use: ${result.error}`])
}

/** The file's text, or why it cannot be read. */
function readBounded(path: string): Result<string, string> {
  try {
    if (statSync(path).size > FILE_MOST) return fail('it is larger than the limit')
    return ok(readFileSync(path, 'utf8'))
  } catch (error) {
    return fail(isMissing(error) ? 'there is no such file' : String(error))
  }
}

function parse(source: string, node: NodeName): Result<Inventory, string> {
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
