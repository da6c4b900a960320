import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { VERSION } from '@sekisho/core'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { CHART_FILES } from '../../scripts/chart/files.ts'

const read = (path: string): string => readFileSync(join(import.meta.dirname, '../..', path), 'utf8')

test.each(Object.keys(CHART_FILES))('%s is made from tables in code (node scripts/chart.ts)', path =>
  expect(read(path)).toBe(CHART_FILES[path]),
)

test('the chart has the version of what it installs', () => {
  const chart: unknown = parse(read('deploy/helm/sekisho/Chart.yaml'))
  expect(chart).toMatchObject({ version: VERSION, appVersion: VERSION })
})
