import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const program = join(import.meta.dirname, '../../../bin/sekisho-agent')
const state = mkdtempSync(join(tmpdir(), 'sekisho-agent-'))
afterAll(() => rmSync(state, { recursive: true }))

const run = (...args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> =>
  new Promise(resolve => {
    execFile(program, [...args], (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
  })

test('help is for a person', async () => {
  const { code, stdout, stderr } = await run('--help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('sekisho-agent status')
})

test('what was not understood ends with 2', async () => {
  expect(await run('status', '--nonsense')).toMatchObject({ code: 2, stdout: '' })
})

test('an agent that is not there has no status, and the log is JSON', async () => {
  const { code, stdout, stderr } = await run('status', '--state', state)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(JSON.parse(stderr)).toMatchObject({ level: 'error', reason: expect.stringContaining('ENOENT') })
})
