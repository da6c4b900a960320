import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const program = join(import.meta.dirname, '../../../bin/sekisho')

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the real program; the environment says nothing about servers unless the test does. */
const run = (
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input?: string,
): Promise<Ended> =>
  new Promise(resolve => {
    const environment = { PATH: process.env.PATH, HOME: '/nonexistent', ...env }
    const child = execFile(program, [...args], { env: environment }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
    child.stdin?.on('error', () => {
      // EPIPE: a program that refuses its input ends without reading the rest.
    })
    child.stdin?.end(input ?? '')
  })

describe('the program', () => {
  test.each([
    [['version'], 0],
    [['help'], 0],
    [['completion', 'bash'], 0],
    [[], 2],
    [['nonsense'], 2],
    [['constructor'], 2],
    [['flows', '--nonsense'], 2],
    [['policy', 'get'], 2],
    [['policy', 'apply'], 2],
    [['explain', 'a', 'b', '99999'], 2],
    [['version', '-o', 'xml'], 2],
  ])('%j ends with %i', async (args, code) => {
    const ended = await run(args, { SEKISHO_SERVER: 'http://127.0.0.1:9' })
    expect(ended.code).toBe(code)
    if (code === 2 && args.length > 0) expect(ended.stderr).toMatch(/^sekisho: /)
  })

  test('its bash completion is valid bash', async () => {
    const { stdout } = await run(['completion', 'bash'])
    const checked = await new Promise(resolve => {
      execFile('bash', ['-n', '-c', stdout], error => resolve(error?.message ?? 'valid'))
    })
    expect(checked).toBe('valid')
  })

  test('a server that is not there: one line that says where it looked', async () => {
    const ended = await run(['status'], { SEKISHO_SERVER: 'http://127.0.0.1:9' })
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/127\.0\.0\.1:9 \(from SEKISHO_SERVER\) cannot be reached: .+\n$/)
  })
})

describe('against a server', () => {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    response.setHeader('content-type', 'application/json')
    if (request.url?.startsWith('/api/v1/policies/apply')) {
      response.statusCode = 422
      const problems = [{ document: 0, path: 'spec.ingress[0]', reason: 'is not known', line: 3 }]
      return response.end(JSON.stringify({ code: 'policy-refused', title: 'refused', status: 422, problems }))
    }
    // Two pages, so that the cursor is followed.
    const second = request.url?.includes('cursor=next')
    const item = {
      id: second ? 'NetworkPolicy/a/two' : 'NetworkPolicy/a/one',
      namespace: 'a',
      name: second ? 'two' : 'one',
    }
    const policy = { ...item, kind: 'NetworkPolicy', mode: 'Audit', updatedAt: new Date().toISOString() }
    return response.end(JSON.stringify({ items: [policy], nextCursor: second ? null : 'next' }))
  })
  let env: Record<string, string> = {}
  beforeAll(async () => {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo // listening on a port, so never a pipe's name
    env = { SEKISHO_SERVER: `http://127.0.0.1:${port}`, SEKISHO_TOKEN: 'secret' }
  })
  afterAll(() => server.close())

  test('lists are followed to their end, with the token', async () => {
    const ended = await run(['policy', 'list', '-o', 'name'], env)
    expect(ended).toMatchObject({ code: 0, stdout: 'NetworkPolicy/a/one\nNetworkPolicy/a/two\n', stderr: '' })
    expect(requests.at(-1)).toBe('GET /api/v1/policies?cursor=next&limit=1000 Bearer secret')
  })

  test.each(['table', 'wide', 'json', 'yaml', 'name'])(
    'a refusal ends with 1 in format %s, with line, path and reason',
    async format => {
      const ended = await run(['policy', 'apply', '-f', '-', '-o', format], env, 'kind: NetworkPolicy\n')
      expect(ended.code).toBe(1)
      expect(ended.stdout).toBe('')
      expect(ended.stderr).toContain('document 1: line 3: spec.ingress[0]: is not known')
    },
  )

  test('input past the limit is not sent', async () => {
    const before = requests.length
    const ended = await run(['policy', 'apply', '-f', '-'], env, 'a'.repeat(2_000_000))
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('larger than 1048576 bytes')
    expect(requests.length).toBe(before)
  })
})
