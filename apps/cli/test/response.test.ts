import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { ResponseView } from '@sekisho/control'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { captured } from './captured.ts'

const WHY = '1 × port-scan within 600 s, last at 2026-01-01T00:10:00.000Z'
const response = (name: string, target: string): ResponseView => ({
  policy: `ClusterSecurityPolicy//response.${name}`,
  rule: 'contain',
  action: 'quarantine',
  target,
  since: new Date().toISOString(),
  until: '2026-01-01T00:25:00.000Z',
  why: WHY,
})
const IN_FORCE = [response('quarantine.1', 'pod:shop/web-1'), response('quarantine.2', 'pod:shop/web-2')]

const asked: unknown[] = []
const server = createServer((request, answer) => {
  answer.setHeader('content-type', 'application/json')
  void text(request).then(body => {
    if (request.method === 'GET') return answer.end(JSON.stringify({ items: IN_FORCE, nextCursor: null }))
    const { ids } = JSON.parse(body) as { ids: string[] } // what the program wrote
    asked.push(`${request.url} ${ids.join(' ')}`)
    const policies = ids.map(id => ({ id, action: 'deleted', before: '', after: null }))
    return answer.end(JSON.stringify({ id: '7', state: 'kept', revertsAt: null, policies }))
  })
})
let url = ''
beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // listening on a port, so never a pipe's name
})
afterAll(() => server.close())
const sekisho = (...args: string[]) => captured('response', ...args, '--server', url, '--token', 'secret')

test('what is in force is listed with its reason', async () => {
  const { code, stdout } = await sekisho('list', '-o', 'wide')
  expect(code).toBe(0)
  expect(stdout).toMatch(/response\.quarantine\.1 +quarantine +pod:shop\/web-1 +- +contain/)
  expect(stdout).toContain(WHY)
})

test.each([
  ['its name', 'response.quarantine.2'],
  ['whom it is about', 'pod:shop/web-2'],
  ['its policy', 'ClusterSecurityPolicy//response.quarantine.2'],
])('one is lifted by %s', async (_, name) => {
  const { code, stdout } = await sekisho('lift', name)
  expect(code).toBe(0)
  expect(stdout).toContain('ClusterSecurityPolicy//response.quarantine.2 deleted')
  expect(asked.at(-1)).toBe('/api/v1/policies/delete ClusterSecurityPolicy//response.quarantine.2')
})

test.each([[['lift']], [['lift', 'nobody']], [['drop', 'it']]])('%j is refused', async args => {
  const before = asked.length
  expect((await sekisho(...args)).code).toBe(2)
  expect(asked).toHaveLength(before)
})
