import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CHECKS, LINT_IDS } from '@sekisho/policy'
import { expect, test } from 'vitest'
import { CRD_DIRECTORY, CRD_FILES } from './scripts/crds.ts'
import { GENERATED_PAGES } from './scripts/docs.ts'

const root = import.meta.dirname
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

test.each(Object.keys(GENERATED_PAGES))(
  'docs/%s is made from the tables in code (node scripts/docs.ts)',
  name => expect(read(`docs/${name}`)).toBe(GENERATED_PAGES[name]),
)

test.each(Object.keys(CRD_FILES))(
  'files/crds/%s of the chart is made from the schemas in code (node scripts/crds.ts)',
  name => expect(read(`${CRD_DIRECTORY}/${name}`)).toBe(CRD_FILES[name]),
)

const pages = ['.', 'docs'].flatMap(dir =>
  readdirSync(join(root, dir))
    .filter(name => name.endsWith('.md'))
    .map(name => join(dir, name)),
)

test.each(pages)('%s links only to files that exist', page => {
  const links = [...read(page).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)].map(match => match[1] ?? '')
  const present = (link: string): boolean => {
    const path = join(root, dirname(page), link)
    return readdirSync(dirname(path)).includes(path.slice(dirname(path).length + 1)) || link.endsWith('/')
  }
  expect(links.filter(link => !present(link))).toEqual([])
})

test('docs/lint.md names every check with its severity', () => {
  const rows = [...read('docs/lint.md').matchAll(/^\| `([a-z-]+)` +\| (\w+)/gm)]
  expect(new Map(rows.map(([, id = '', severity = '']) => [id, severity]))).toEqual(
    new Map(LINT_IDS.map(id => [id, CHECKS[id].severity])),
  )
})
