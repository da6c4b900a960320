import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { type JsonSchema, SPEC_SCHEMAS, validateExternalWorkload, validatePolicy } from '../src/index.ts'
import { generateCluster, RICH } from './cluster.ts'

type Json = Readonly<Record<string, unknown>>
type OwnKind = keyof typeof SPEC_SCHEMAS
const isOwn = (kind: unknown): kind is OwnKind =>
  typeof kind === 'string' && Object.hasOwn(SPEC_SCHEMAS, kind)

const isMap = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isMap,
  array: Array.isArray,
  string: value => typeof value === 'string',
  integer: Number.isInteger,
  number: value => typeof value === 'number',
  boolean: value => typeof value === 'boolean',
}

/** What a schema finds wrong, as an API server would: paths. Expressions are the API server's own. */
function wrong(schema: JsonSchema, value: unknown, path = 'spec'): string[] {
  const holds = (inner: JsonSchema): boolean => wrong(inner, value, path).length === 0
  const failed = [
    schema.type !== undefined && TYPES[schema.type]?.(value) !== true && 'type',
    schema.enum && !schema.enum.includes(String(value)) && 'enum',
    schema.oneOf && schema.oneOf.filter(holds).length !== 1 && 'oneOf',
    schema.anyOf && !schema.anyOf.some(holds) && 'anyOf',
    typeof value === 'number' &&
      (value < (schema.minimum ?? value) || value > (schema.maximum ?? value)) &&
      'range',
    typeof value === 'string' && textFault(schema, value),
    Array.isArray(value) &&
      (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity)) &&
      'items',
    isMap(value) && schema.required?.some(key => value[key] === undefined) && 'required',
    isMap(value) && Object.keys(value).length > (schema.maxProperties ?? Infinity) && 'properties',
  ].flatMap(fault => (typeof fault === 'string' ? [`${path}: ${fault}`] : []))
  return [...failed, ...inside(schema, value, path)]
}

function textFault({ pattern, minLength = 0, maxLength = Infinity, format }: JsonSchema, value: string) {
  const { length } = Array.from(value)
  if (length < minLength || length > maxLength) return 'length'
  if (format === 'date-time' && Number.isNaN(Date.parse(value))) return 'format'
  return pattern !== undefined && !new RegExp(pattern, 'u').test(value) && 'pattern'
}

function inside(
  { properties = {}, additionalProperties, items }: JsonSchema,
  value: unknown,
  path: string,
): string[] {
  if (Array.isArray(value))
    return items ? value.flatMap((item, index) => wrong(items, item, `${path}[${index}]`)) : []
  if (!isMap(value)) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const schema = properties[key] ?? additionalProperties
    // A null is no value: API servers drop it before they look.
    return schema && inner !== null ? wrong(schema, inner, `${path}.${key}`) : []
  })
}

const docs = join(import.meta.dirname, '../../../docs')
const examples = readdirSync(docs)
  .filter(name => name.endsWith('.md'))
  .flatMap(name => [...readFileSync(join(docs, name), 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)])
  .flatMap(([, block = '']) => parseAllDocuments(block).map(document => document.toJS() as unknown))
  .flatMap(json => (isMap(json) && isOwn(json.kind) ? [{ kind: json.kind, json }] : []))

const generated = fc
  .nat(5_000)
  .map(seed =>
    generateCluster(seed, RICH).policies.flatMap(({ kind, source }) =>
      isOwn(kind) ? [{ kind, json: source }] : [],
    ),
  )
  .filter(policies => policies.length > 0)

test('the examples of the documentation fit', () => {
  const kinds = new Set(examples.map(({ kind }) => kind))
  for (const kind of ['SecurityPolicy', 'SecurityProfile', 'Application'] as const)
    expect(kinds).toContain(kind)
  for (const { kind, json } of examples) expect(wrong(SPEC_SCHEMAS[kind], json.spec)).toEqual([])
})

/** All places in a document, to be written over. */
function places(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  const inner = Array.isArray(value)
    ? value.flatMap((item, index) => places(item, [...path, index]))
    : isMap(value)
      ? Object.entries(value).flatMap(([key, item]) => places(item, [...path, key]))
      : []
  return path.length === 0 ? inner : [path, ...inner]
}

function written(value: unknown, [key, ...rest]: readonly (string | number)[], put: unknown): unknown {
  if (key === undefined) return put
  if (Array.isArray(value))
    return value.map((item: unknown, index) => (index === key ? written(item, rest, put) : item))
  return isMap(value) ? { ...value, [key]: written(value[key], rest, put) } : put
}

const SCRAPS = [
  5,
  -1,
  70_000,
  1.5,
  '',
  'x',
  'GET',
  'A'.repeat(400),
  '*.example.com',
  true,
  null,
  [],
  {},
  [{}],
  ['x'],
  { x: 1 },
]

const isRead = (kind: OwnKind, json: Json): boolean =>
  kind === 'ExternalWorkload'
    ? validateExternalWorkload(json).ok
    : validatePolicy(json, { applications: 'any' }).ok

describe('whatever the reader takes fits the schema', () => {
  test('as it is generated', () => {
    fc.assert(
      fc.property(generated, policies => {
        for (const { kind, json } of policies) expect(wrong(SPEC_SCHEMAS[kind], json.spec)).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  test('and with one place written over', () => {
    let [taken, refused] = [0, 0]
    fc.assert(
      fc.property(
        fc.oneof(generated, fc.constant(examples)),
        fc.nat(),
        fc.constantFrom(...SCRAPS),
        (policies, at, scrap) => {
          const policy = policies[at % policies.length]
          if (!policy) return
          const { kind, json } = policy
          const all = places(json.spec)
          const spec = written(json.spec, all[at % all.length] ?? [], scrap)
          if (!isRead(kind, { ...json, spec })) refused++
          else {
            taken++
            expect(wrong(SPEC_SCHEMAS[kind], spec)).toEqual([])
          }
        },
      ),
      { numRuns: 600 },
    )
    expect(Math.min(taken, refused)).toBeGreaterThan(30)
  })
})

test.each<[string, Json, string]>([
  ['a mode that is none', { mode: 'Enforced' }, 'spec.mode: enum'],
  [
    'a peer that is two',
    { ingress: [{ from: [{ entity: 'dns', podSelector: {} }] }] },
    'spec.ingress[0].from[0]: oneOf',
  ],
  ['a peer without anything', { ingress: [{ from: [{}] }] }, 'spec.ingress[0].from[0]: oneOf'],
  ['two protocols in one', { egress: [{ l7: [{ http: {}, dns: {} }] }] }, 'spec.egress[0].l7[0]: oneOf'],
  ['too many rules', { egress: Array.from({ length: 1_001 }, () => ({})) }, 'spec.egress: items'],
  [
    'a port that is beyond',
    { egress: [{ ports: [{ port: 1, endPort: 65_536 }] }] },
    'spec.egress[0].ports[0].endPort: range',
  ],
])('%s does not fit', (_, spec, fault) => {
  expect(wrong(SPEC_SCHEMAS.SecurityPolicy, spec)).toContain(fault)
})
