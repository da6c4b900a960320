import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readDomainLists } from '../../src/inspection/domain-lists.ts'

const folder = mkdtempSync(join(tmpdir(), 'sekisho-lists-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('each file of a folder is a list, and lines that cannot be read are told', () => {
  writeFileSync(join(folder, 'malware.txt'), 'evil.test\nno name\n')
  writeFileSync(join(folder, 'adverts.hosts'), '0.0.0.0 ads.test\n')
  mkdirSync(join(folder, 'old'))
  const { index, readings } = readDomainLists(folder)
  expect([...readings.keys()].toSorted()).toEqual(['adverts', 'malware'])
  expect(readings.get('malware')).toMatchObject({ entries: 1, refused: 1, problems: [{ line: 2 }] })
  expect(index.match('www.evil.test')).toEqual([{ list: 'malware', domain: 'evil.test' }])
  expect(index.match('ads.test')).toEqual([{ list: 'adverts', domain: 'ads.test' }])
})

test('a folder that is not there is an error', () => {
  expect(() => readDomainLists(join(folder, 'nowhere'))).toThrow(/ENOENT/)
})
