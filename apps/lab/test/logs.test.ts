import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { rotateLogs } from '../src/logs.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sekisho-logs-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test('a long log is set aside once, and a program that holds it open goes on at its start', () => {
  const path = join(directory, 'server.log')
  const log = openSync(path, 'a')
  writeSync(log, 'first\n')
  rotateLogs(directory, 6)
  expect(readFileSync(path, 'utf8')).toBe('first\n')
  writeSync(log, 'second\n')
  rotateLogs(directory, 6)
  writeSync(log, 'third\n')
  closeSync(log)
  expect(readFileSync(path, 'utf8')).toBe('third\n')
  expect(readFileSync(`${path}.1`, 'utf8')).toBe('first\nsecond\n')
})
