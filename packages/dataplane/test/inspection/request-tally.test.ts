import { type L7Request, LIMITS } from '@sekisho/core'
import type { ResidualAnswer } from '@sekisho/policy'
import { expect, test } from 'vitest'
import { RequestTally } from '../../src/inspection/request-tally.ts'
import { ALLOWED, answerOf, command, DENIED, ENDS } from './scripted.ts'

const judged = (request: L7Request, answer: ResidualAnswer, isKept = false) => ({ request, answer, isKept })

const http = (path: string): L7Request => ({
  kind: 'http',
  method: 'GET',
  path,
  query: 'token=secret',
  host: 'api.shop',
  headers: { authorization: ['secret'] },
})

test.each<[string, L7Request]>([
  ['GET api.shop/orders', http('/orders')],
  ['shop.Orders/List', { kind: 'grpc', service: 'shop.Orders', method: 'List' }],
  ['AAAA shop.example', { kind: 'dns', name: 'shop.example', type: 'AAAA' }],
  ['shop.example', { kind: 'tls', sni: 'shop.example' }],
  ['', { kind: 'tls' }],
  [
    'select orders,users',
    { kind: 'sql', statement: 'select', database: 'shop', tables: ['orders', 'users'] },
  ],
  ['SET', { kind: 'redis', command: 'SET', keys: ['password:ada'] }],
  ['Produce orders,bills', { kind: 'kafka', api: 'Produce', topics: ['orders', 'bills'] }],
  ['find shop.orders', { kind: 'mongodb', operation: 'find', database: 'shop', collection: 'orders' }],
  ['ping admin.', { kind: 'mongodb', operation: 'ping', database: 'admin' }],
  [`GET api.shop/${'x'.repeat(187)}`, http(`/${'x'.repeat(300)}`)],
])('is called %s', (name, request) => {
  const tally = new RequestTally()
  tally.add(ENDS, judged(request, ALLOWED))
  expect(tally.take().requests).toEqual([
    { ends: ENDS, request: name, outcome: 'allowed', answer: ALLOWED, count: 1 },
  ])
})

test('equal requests are counted together, whatever port the client has', () => {
  const tally = new RequestTally()
  expect(tally.isEmpty).toBe(true)
  tally.add(ENDS, judged(command('GET'), ALLOWED))
  tally.add({ ...ENDS, clientPort: 40_001 }, judged(command('GET'), ALLOWED))
  for (const other of [{ client: '192.0.2.8' }, { server: '192.0.2.8' }, { port: 81 }]) {
    tally.add({ ...ENDS, ...other }, judged(command('GET'), ALLOWED))
  }
  tally.add(ENDS, judged(command('SET'), ALLOWED))
  tally.add(ENDS, judged(command('GET'), DENIED))
  expect(tally.isEmpty).toBe(false)
  const { requests, unnamed } = tally.take()
  expect(requests.map(({ count }) => count)).toEqual([2, 1, 1, 1, 1, 1])
  expect(unnamed).toBe(0)
  expect(tally.isEmpty).toBe(true)
  expect(tally.take()).toEqual({ requests: [], unnamed: 0 })
})

test('what a conversation asks again is counted by its outcome and its name, also in the next report', () => {
  const tally = new RequestTally()
  const add = () => {
    for (const answer of [ALLOWED, ALLOWED, DENIED, ALLOWED]) tally.add(ENDS, judged(http('/orders'), answer))
    for (const at of [1, 2, 1]) tally.add(ENDS, judged(http(`/key/a${at}bcdefghijklmnopqrstuvwxyz`), ALLOWED))
    return tally.take().requests.map(({ request, outcome, count }) => [request, outcome, count])
  }
  const counted = [
    ['GET api.shop/orders', 'allowed', 3],
    ['GET api.shop/orders', 'denied', 1],
    ['GET api.shop/key/*', 'allowed', 3],
  ]
  expect(add()).toEqual(counted)
  expect(add()).toEqual(counted)
})

test('one that is kept is counted by its object, in each report anew', () => {
  const tally = new RequestTally()
  const [kept, other] = [judged(http('/orders'), ALLOWED, true), judged(http('/bills'), ALLOWED, true)]
  for (let report = 0; report < 2; report++) {
    for (const one of [kept, kept, other, kept, kept]) tally.add(ENDS, one)
    tally.add({ ...ENDS, server: '192.0.2.8' }, judged(http('/orders'), ALLOWED, true))
    expect(tally.take().requests.map(({ request, count }) => [request, count])).toEqual([
      ['GET api.shop/orders', 4],
      ['GET api.shop/bills', 1],
      ['GET api.shop/orders', 1],
    ])
  }
})

test.each([
  ['allowed', ALLOWED],
  ['audited', answerOf(['allow'], ['deny'])],
  ['denied', DENIED],
  ['denied', answerOf(['deny'], ['allow'])],
])('%s', (outcome, answer) => {
  const tally = new RequestTally()
  tally.add(ENDS, judged(command('GET'), answer))
  expect(tally.take().requests).toMatchObject([{ outcome }])
})

test('beyond so many kinds they are counted without a name, and known ones still with it', () => {
  const tally = new RequestTally()
  const limit = LIMITS.noticesPerReport.value
  for (let at = 0; at < limit + 2; at++) tally.add({ ...ENDS, port: at }, judged(command('GET'), ALLOWED))
  tally.add({ ...ENDS, port: 0 }, judged(command('GET'), ALLOWED))
  const { requests, unnamed } = tally.take()
  expect(requests).toHaveLength(limit)
  expect(requests[0]?.count).toBe(2)
  expect(unnamed).toBe(2)
  expect(tally.take().unnamed).toBe(0)
})
