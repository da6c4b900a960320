import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createClient, ServerError } from '../src/server/client.ts'
import { type IdentityOptions, joinAnew, openIdentity, renewalDue } from '../src/server/identity.ts'
import { makeStateDirectory, stateDirectory } from '../src/state-directory.ts'
import { type StateServer, startStateServer } from './state-server.ts'

let root = ''
let server: StateServer
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'sekisho-identity-'))
  server = await startStateServer({ directory: join(root, 'server') })
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(root, { recursive: true })
})

function agent(name: string) {
  const directory = stateDirectory(join(root, name))
  makeStateDirectory(directory)
  return directory
}
const byToken = (token: string) => ({ kind: 'token', token }) as const
const join1 = (changes: Partial<IdentityOptions> = {}) =>
  openIdentity({
    server: server.url,
    node: 'n1',
    directory: agent('a'),
    join: byToken(server.token()),
    ...changes,
  })

test('an agent joins once; its name is on every later connection', async () => {
  const first = await join1()
  expect(await join1({ join: undefined })).toEqual(first)
  using client = createClient(server.url, { key: first.key, cert: first.certificate, ca: first.authority })
  await client.stream({ method: 'GET', path: '/agent/v1/state' })
  expect(server.callers).toEqual(['CN=n1'])
  expect(statSync(agent('a').key).mode & 0o777).toBe(0o600)
  expect(readFileSync(agent('a').authority, 'utf8')).toBe(server.authority.certificate)
})

test('the secret is not sent to a server whose CA is another', async () => {
  const token = `id.secret.${'0'.repeat(64)}`
  await expect(join1({ join: byToken(token) })).rejects.toThrow('its CA certificate is another')
})

test('a CA of the right name and the wrong key is another', async () => {
  await using impostor = await startStateServer({ directory: join(root, 'impostor') })
  await expect(join1({ server: impostor.url })).rejects.toThrow('its CA certificate is another')
})

test.each([
  ['without a token', { join: undefined }, '--join-token'],
  ['with half a token', { join: byToken('id.secret') }, 'cut off'],
])('joining %s says what to do', async (_name, changes, reason) => {
  await expect(join1(changes)).rejects.toThrow(reason)
})

test('a token the server does not know is final, and the key is kept for the next try', async () => {
  const wrong = `id.other.${server.authority.fingerprint}`
  await expect(join1({ join: byToken(wrong) })).rejects.toThrow(ServerError)
  const key = readFileSync(agent('a').key, 'utf8')
  expect((await join1()).key).toBe(key)
})

test('a directory belongs to one node', async () => {
  await join1()
  await expect(join1({ node: 'n2' })).rejects.toThrow('CN=n1')
})

test('a server that shows a certificate of another CA later is refused', async () => {
  const { key, certificate, authority } = await join1()
  await using impostor = await startStateServer({ directory: join(root, 'impostor') })
  using client = createClient(impostor.url, { key, cert: certificate, ca: authority })
  await expect(client.call({ method: 'POST', path: '/agent/v1/batches', body: 'x' })).rejects.toThrow(
    /certificate/,
  )
  expect(impostor.callers).toEqual([])
})

test('a certificate is renewed after two thirds of its life', async () => {
  const due = renewalDue(await join1()) - Date.now()
  expect(due / 86_400_000).toBeCloseTo(60, 0)
})

describe('by a service account', () => {
  /** Volumes of a pod, with who is to have signed the server's certificate. */
  function volumes(of: StateServer) {
    const [token, authority] = [join(root, 'pod-token'), join(root, 'pod-ca.pem')]
    writeFileSync(token, `${of.podToken}\n`)
    writeFileSync(authority, of.authority.certificate)
    return { kind: 'service-account', token, authority } as const
  }

  test('an agent joins with the token that its pod has now, and not again', async () => {
    const join = volumes(server)
    const first = await join1({ join })
    expect(first.authority).toBe(server.authority.certificate)
    writeFileSync(join.token, 'over')
    expect(await join1({ join })).toEqual(first)
    await expect(joinAnew({ server: server.url, node: 'n1', directory: agent('a'), join })).rejects.toThrow(
      ServerError,
    )
  })

  test('nothing is said to a server that another authority signed', async () => {
    await using impostor = await startStateServer({ directory: join(root, 'impostor') })
    await expect(join1({ server: impostor.url, join: volumes(server) })).rejects.toThrow(/certificate/)
    expect(impostor.joins).toBe(0)
  })

  test('where the cluster names another authority the agent joins its server', async () => {
    const first = await join1({ join: volumes(server) })
    await using next = await startStateServer({ directory: join(root, 'next') })
    const second = await join1({ server: next.url, join: volumes(next) })
    expect(second.authority).not.toBe(first.authority)
    expect(second.key).toBe(first.key)
  })
})
