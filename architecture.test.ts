import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { VERSION } from './packages/core/src/index.ts'

/** Layer of each package; imports point strictly down, so packages of one layer do not know each other. */
const LAYERS = new Map([
  ['core', 0],
  ['policy', 1],
  ['inspect', 1],
  ['linux', 2],
  ['kube', 2],
  ['store', 2],
  ['dataplane', 3],
  ['control', 3],
])
const PURE_BELOW = 2
/** L1 and L2 do not know each other: effects are joined to meaning only above. */
const STRANGERS: readonly (readonly [number, number])[] = [[2, 1]]
/** What the root agent may bring in from outside, short enough to read aloud. */
const AGENT_DEPENDENCIES = new Set(['koffi', 'yaml'])
/**
 * Functions of their arguments alone, although Node ships them in a module: inspection needs them to open QUIC's first
 * packets (RFC 9001 section 5.2, whose keys are public) and to fingerprint. Sources of randomness are not among them.
 */
const PURE_IMPORTS =
  /^import \{ (?:(?:createCipheriv|createDecipheriv|createHash)(?:, )?)+ \} from 'node:crypto'$/gm
const PURE_GLOBALS =
  /\b(?:process\.|Date\.now\(|new Date\(\)|Math\.random\(|setTimeout\(|setInterval\(|fetch\()/

interface Source {
  readonly path: string
  readonly unit: string
  readonly text: string
  readonly imports: readonly { readonly specifier: string; readonly typeOnly: boolean }[]
}

function files(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap(entry => {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name === 'dist' ? [] : files(path)
    return /\.tsx?$/.test(entry.name) ? [path] : []
  })
}

const IMPORT = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm

function read(path: string): Source {
  const text = readFileSync(path, 'utf8')
  const imports = [...text.matchAll(IMPORT)].map(match => ({
    specifier: match[2] ?? match[3] ?? '',
    typeOnly: match[1] !== undefined,
  }))
  return { path, unit: path.split('/').slice(0, 2).join('/'), text, imports }
}

const root = import.meta.dirname
const sources = ['packages', 'apps'].flatMap(dir =>
  files(join(root, dir)).map(path => read(relative(root, path))),
)
const isTest = (source: Source) => /\/test\/|\.test\.tsx?$/.test(source.path)
const production = sources.filter(source => !isTest(source) && source.path.includes('/src/'))
const layerOf = (unit: string) => (unit.startsWith('apps/') ? 4 : LAYERS.get(unit.slice('packages/'.length)))
const manifest = (unit: string) =>
  JSON.parse(readFileSync(join(root, unit, 'package.json'), 'utf8')) as Manifest
interface Manifest {
  readonly name: string
  readonly version: string
  readonly description?: string
  readonly exports?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}
const units = ['packages', 'apps'].flatMap(dir => readdirSync(join(root, dir)).map(name => `${dir}/${name}`))

const isExported = (unit: string, path: string): boolean => Object.hasOwn(manifest(unit).exports ?? {}, path)

describe('architecture', () => {
  test.each(units)('%s has a layer, a purpose, a short README and the common version', unit => {
    expect(layerOf(unit)).toBeDefined()
    const { description, version } = manifest(unit)
    expect(description?.length).toBeGreaterThan(20)
    expect(version).toBe(VERSION)
    expect(readFileSync(join(root, unit, 'README.md'), 'utf8').split('\n').length).toBeLessThanOrEqual(26)
  })

  test('imports point down, and only through what a package exports', () => {
    const wrong: string[] = []
    for (const source of production) {
      for (const { specifier, typeOnly } of source.imports) {
        const target = /^@sekisho\/([^/]+)(\/.*)?$/.exec(specifier)
        if (!target) continue
        const [, name, deep] = target
        const from = layerOf(source.unit) ?? -1
        const to = LAYERS.get(name ?? '') ?? 4
        if (deep && !isExported(`packages/${name}`, `.${deep}`))
          wrong.push(`${source.path}: deep import ${specifier}`)
        if (to === 4 ? from !== 4 : to >= from) wrong.push(`${source.path}: ${specifier} is not below`)
        if (STRANGERS.some(([a, b]) => from === a && to === b))
          wrong.push(`${source.path}: ${specifier} is a stranger`)
        if (!typeOnly && !manifest(source.unit).dependencies?.[`@sekisho/${name}`]) {
          wrong.push(`${source.path}: ${specifier} is not declared in package.json`)
        }
      }
    }
    expect(wrong).toEqual([])
  })

  test('no relative import leaves its package', () => {
    const wrong = sources.flatMap(source =>
      source.imports
        .filter(({ specifier }) => specifier.startsWith('.'))
        .filter(({ specifier }) => !join(source.path, '..', specifier).startsWith(`${source.unit}/`))
        .map(({ specifier }) => `${source.path}: ${specifier}`),
    )
    expect(wrong).toEqual([])
  })

  test('core and the engines are pure: no clock, disk, network or process', () => {
    const wrong = production
      .filter(source => (layerOf(source.unit) ?? 9) < PURE_BELOW)
      .filter(
        ({ text }) => /\bfrom 'node:/.test(text.replaceAll(PURE_IMPORTS, '')) || PURE_GLOBALS.test(text),
      )
      .map(source => source.path)
    expect(wrong).toEqual([])
  })

  test('of the engine’s code, a node holds what it enforces by', () => {
    const wrong = production
      .filter(({ unit }) => unit === 'apps/agent' || unit === 'packages/dataplane')
      .filter(({ imports }) =>
        imports.some(
          ({ specifier, typeOnly }) => /^@sekisho\/policy(?!\/enforcement$)/.test(specifier) && !typeOnly,
        ),
      )
      .map(({ path }) => path)
    expect(wrong).toEqual([])
  })

  test('the agent’s dependencies are few', () => {
    const seen = new Set<string>()
    const walk = (unit: string): void => {
      for (const name of Object.keys(manifest(unit).dependencies ?? {})) {
        if (name.startsWith('@sekisho/')) walk(`packages/${name.slice('@sekisho/'.length)}`)
        else seen.add(name)
      }
    }
    walk('apps/agent')
    expect([...seen].filter(name => !AGENT_DEPENDENCIES.has(name))).toEqual([])
  })

  test('versions are exact', () => {
    const all = ['.', ...units].flatMap(unit => {
      const { dependencies, devDependencies } = manifest(unit)
      return Object.entries({ ...dependencies, ...devDependencies }).map(
        ([name, version]) => `${unit}: ${name}@${version}`,
      )
    })
    expect(all.filter(entry => !/@\d+\.\d+\.\d+$/.test(entry))).toEqual([])
  })

  test('no file is called utils, helpers, manager or common nouns of that kind', () => {
    const names = /\/(?:utils?|helpers?|manager|misc|shared)\.tsx?$/
    expect(sources.filter(source => names.test(source.path)).map(source => source.path)).toEqual([])
  })
})
