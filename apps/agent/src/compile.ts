import { globSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Loads the program and what its threads are made of, and ends: Node keeps their code compiled (NODE_COMPILE_CACHE), so
 * that no thread that stays needs the compiler, which is ten megabytes in each. `bin/sekisho-agent` runs it where
 * nothing was kept yet, with a command line that does nothing.
 */
const packages = join(import.meta.dirname, '../../../packages')

await import('./main.ts')
await import('./agent.ts')
for (const thread of globSync('{linux,dataplane}/src/**/*.worker.ts', { cwd: packages })) {
  // Refuses to run where it is no thread, when everything that it is made of was loaded; else it fails again as a thread.
  await import(pathToFileURL(join(packages, thread)).href).catch(() => undefined)
}
