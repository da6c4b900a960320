import type { L7Request } from '@sekisho/core'
import type { Finding } from '@sekisho/inspect'
import { describe, expect, test } from 'vitest'
import { detailsOf, hostOf } from '../../src/inspection/said.ts'

const http = (host: string): L7Request => ({ kind: 'http', method: 'GET', path: '/', host, headers: {} })

describe('whom a client wants to reach', () => {
  test.each<[string, L7Request, string | undefined]>([
    ['by SNI', { kind: 'tls', sni: 'API.example.' }, 'api.example'],
    ['by no SNI', { kind: 'tls' }, undefined],
    ['by Host', http('api.example'), 'api.example'],
    ['by Host with a port', http('api.example:8080'), 'api.example'],
    ['by an address', http('192.0.2.1:8080'), undefined],
    ['by an address of IPv6', http('[2001:db8::1]:80'), undefined],
    ['by none', http(''), undefined],
    ['of gRPC', { kind: 'grpc', service: 's', method: 'm', host: 'rpc.example:443' }, 'rpc.example'],
    ['of what has no place for it', { kind: 'redis', command: 'GET', keys: [] }, undefined],
  ])('%s', (_, request, host) => expect(hostOf(request)).toBe(host))
})

test('what is recorded, each once, and no more than is good', () => {
  const sni: Finding = { kind: 'request', request: { kind: 'tls', sni: 'api.example' } }
  const ja4: Finding = { kind: 'detail', detail: 'ja4', value: 't13d' }
  const status: Finding = { kind: 'detail', detail: 'status', value: '200' }
  expect(detailsOf([sni, ja4, status, ja4, sni])).toEqual([
    { detail: 'host', value: 'api.example' },
    { detail: 'ja4', value: 't13d' },
  ])
  const many = Array.from({ length: 20 }, (_, at) => ({ ...ja4, value: String(at) }))
  expect(detailsOf(many)).toHaveLength(8)
})
