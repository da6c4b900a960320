import type { L7Request } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { ask, web } from './asking.ts'

type Json = Readonly<Record<string, unknown>>

describe('requests', () => {
  const base = { host: 'API.shop.example', headers: { 'x-tenant': ['blue'] } }
  const get = (path: string): L7Request => ({ kind: 'http', method: 'GET', path, ...base })
  const sql = (statement: string, ...tables: string[]): L7Request => ({
    kind: 'sql',
    statement,
    database: 'shop',
    tables,
  })
  test.each<[string, Json, L7Request, allow: boolean, deny: boolean]>([
    ['any http', { http: {} }, get('/'), true, true],
    ['a path prefix', { http: { path: { prefix: '/api/' } } }, get('/api/a'), true, true],
    ['another path', { http: { path: { exact: '/api' } } }, get('/api/a'), false, false],
    [
      'a query',
      { http: { query: { exact: 'a=b' } } },
      { ...get('/'), query: 'a=b' } as L7Request,
      true,
      true,
    ],
    ['no query', { http: { query: { exact: '' } } }, { ...get('/'), query: '' } as L7Request, true, true],
    [
      'a query where none is meant',
      { http: { query: { exact: '' } } },
      { ...get('/'), query: 'a' } as L7Request,
      false,
      false,
    ],
    ['a query that is not known: Deny only', { http: { query: { exact: '' } } }, get('/'), false, true],
    ['a pattern matches all of the path', { http: { path: { regex: '/a+' } } }, get('/aab'), false, false],
    ['a host by pattern, in any case', { http: { hosts: ['*.shop.example'] } }, get('/'), true, true],
    ['a header that is there', { http: { headers: [{ name: 'x-tenant' }] } }, get('/'), true, true],
    ['one that is not', { http: { headers: [{ name: 'constructor' }] } }, get('/'), false, false],
    [
      'a repeated header: each for Allow, any for Deny',
      { http: { headers: [{ name: 'x-tenant', exact: 'blue' }] } },
      { ...get('/'), headers: { 'x-tenant': ['blue', 'red'] } } as L7Request,
      false,
      true,
    ],
    [
      'grpc',
      { grpc: { service: 'shop.v1.Orders', methods: ['List'] } },
      { kind: 'grpc', service: 'shop.v1.Orders', method: 'List' },
      true,
      true,
    ],
    [
      'dns',
      { dns: { names: ['*.example.com'], types: ['A'] } },
      { kind: 'dns', name: 'a.b.example.com.', type: 'A' },
      true,
      true,
    ],
    ['no server name', { tls: { sni: ['a.example.com'] } }, { kind: 'tls' }, false, false],
    [
      'every table for Allow, any for Deny',
      { sql: { statements: ['select'], tables: ['orders'] } },
      sql('select', 'orders', 'cards'),
      false,
      true,
    ],
    ['only the tables that are listed', { sql: { tables: ['orders'] } }, sql('select', 'orders'), true, true],
    ['a statement that names no table', { sql: { tables: ['orders'] } }, sql('set'), false, false],
    [
      'redis keys by prefix',
      { redis: { commands: ['MGET'], keyPrefixes: ['cart:'] } },
      { kind: 'redis', command: 'MGET', keys: ['cart:1', 'user:1'] },
      false,
      true,
    ],
    [
      'kafka',
      { kafka: { apis: ['Produce'], topics: ['orders'] } },
      { kind: 'kafka', api: 'Produce', topics: ['orders'] },
      true,
      true,
    ],
    [
      'mongodb',
      { mongodb: { operations: ['find'], collections: ['orders'] } },
      { kind: 'mongodb', operation: 'find', database: 'shop', collection: 'orders' },
      true,
      true,
    ],
  ])('%s', (_name, match, request, allow, deny) => {
    expect(ask([web('a', { egress: [{ l7: [match] }] })], '10.0.0.2', { request }) === 'allow').toBe(allow)
    expect(
      ask([web('d', { egress: [{ action: 'Deny', l7: [match] }] })], '10.0.0.2', { request }) === 'deny',
    ).toBe(deny)
  })
})
