import { vi } from 'vitest'
import { run } from '../src/run.ts'

/** The program itself, in this process, and what it wrote. */
export async function captured(...args: readonly string[]) {
  let [stdout, stderr] = ['', '']
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    stdout += String(text)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation(text => {
    stderr += String(text)
    return true
  })
  const code = await run([...args], 'sekisho')
  vi.restoreAllMocks()
  return { code, stdout, stderr }
}
