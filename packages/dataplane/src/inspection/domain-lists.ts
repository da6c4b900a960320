import { readdirSync, readFileSync } from 'node:fs'
import { join, parse } from 'node:path'
import {
  type DomainIndex,
  DomainIndexBuilder,
  type ListReading,
  readList,
} from '@sekisho/inspect/dns-security'

export interface DomainLists {
  readonly index: DomainIndex
  /** Of each list, by its name. */
  readonly readings: ReadonlyMap<string, ListReading>
}

/**
 * Every file of a folder is a list, called as the file without its ending: profiles name it so.
 * @throws SystemError where the folder or a file cannot be read.
 */
export function readDomainLists(folder: string): DomainLists {
  const builder = new DomainIndexBuilder()
  const readings = new Map<string, ListReading>()
  const files = readdirSync(folder, { withFileTypes: true }).filter(file => !file.isDirectory())
  for (const { name } of files.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const list = parse(name).name
    readings.set(list, readList(readFileSync(join(folder, name), 'utf8'), builder.list(list)))
  }
  return { index: builder.build(), readings }
}
