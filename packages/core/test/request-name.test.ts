import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPrintable, type L7Request, LIMITS, printable, requestName } from '../src/index.ts'

const http = (path: string): L7Request => ({
  kind: 'http',
  method: 'GET',
  path,
  query: 'token=secret',
  host: 'api.shop',
  headers: { authorization: ['secret'] },
})

describe('names of requests', () => {
  test.each<[string, L7Request]>([
    ['GET api.shop/orders/7', http('/orders/7')],
    ['GET api.shop/reset/*/now', http('/reset/eyJhbGciOiJIUzI1NiJ9.e30.x1/now')],
    ['GET api.shop/items/*', http('/items/6fa459ea-ee8a-3ca4-894e-db77e160355e')],
    ['GET api.shop/a\\u{a}b\\u{202e}c', http('/a\nb\u202ec')],
    ['select orders,users', { kind: 'sql', statement: 'select', tables: ['orders', 'users'] }],
    ['SET', { kind: 'redis', command: 'SET', keys: ['password:ada'] }],
  ])('%s', (name, request) => expect(requestName(request)).toBe(name))

  test('are printable and bounded, whatever was asked for', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), text => {
        for (const request of [http(`/${text}`), { kind: 'redis', command: text, keys: [] } as const]) {
          const name = requestName(request)
          expect(isPrintable(name)).toBe(true)
          expect(name.length).toBeLessThanOrEqual(LIMITS.requestName.value)
        }
      }),
    ))

  test('what can be seen stays as it is', () => expect(printable('GET /注文?é😀')).toBe('GET /注文?é😀'))
})
