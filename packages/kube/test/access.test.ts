import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { inClusterAccess, kubeconfigAccess } from '../src/index.ts'

const directory = mkdtempSync(join(tmpdir(), 'sekisho-kube-'))
afterAll(() => rmSync(directory, { recursive: true }))
const write = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
const config = ({ cluster = {}, user = {}, context = {} } = {}) => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'main',
  contexts: [{ name: 'main', context: { cluster: 'c', user: 'u', ...context } }],
  clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443', ...cluster } }],
  users: [{ name: 'u', user }],
})
const read = (of: object, context?: string) => kubeconfigAccess(write('config', stringify(of)), context)

test('a kubeconfig with a client certificate, in the file and beside it', () => {
  write('ca.pem', 'CA')
  const user = { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') }
  const cluster = { 'certificate-authority': 'ca.pem', 'tls-server-name': 'api' }
  expect(read(config({ cluster, user, context: { namespace: 'shop' } }))).toEqual({
    ok: true,
    value: {
      server: new URL('https://127.0.0.1:6443'),
      authority: 'CA',
      serverName: 'api',
      credentials: { kind: 'certificate', certificate: 'CERT', key: 'KEY' },
      namespace: 'shop',
    },
  })
})

test('a token file is read again at each call', () => {
  const tokenFile = write('token', 'first\n')
  const access = read(config({ user: { tokenFile } }))
  const credentials = access.ok ? access.value.credentials : undefined
  if (credentials?.kind !== 'token') throw new TypeError('no token')
  expect(credentials.read()).toBe('first')
  write('token', 'second\n')
  expect(credentials.read()).toBe('second')
})

test.each([
  ['users: "exec" is not supported', config({ user: { exec: { command: 'aws' } } })],
  ['users: "password" is not supported', config({ user: { password: 'x' } })],
  ['users: "as" is not supported', config({ user: { as: 'admin', token: 'x' } })],
  ['insecure-skip-tls-verify is not supported', config({ cluster: { 'insecure-skip-tls-verify': true } })],
  ['proxy-url is not supported', config({ cluster: { 'proxy-url': 'http://x' } })],
  ['server "nowhere" is not a URL', config({ cluster: { server: 'nowhere' } })],
  ['clusters has no "other"', config({ context: { cluster: 'other' } })],
  ['users has no ""', config({ context: { user: undefined } })],
  ['no such file', config({ cluster: { 'certificate-authority': 'missing.pem' } })],
])('refused: %s', (reason, of) => {
  const access = read(of)
  expect(access.ok ? '' : access.error).toContain(reason)
})

test('another context may be asked for, and must be there', () => {
  expect(read(config(), 'main').ok).toBe(true)
  expect(read(config(), 'other')).toMatchObject({ ok: false })
})

test.each(['', '{', '[]', 'contexts: 5'])('%j is no kubeconfig', text => {
  expect(kubeconfigAccess(write('config', text)).ok).toBe(false)
})

test('a pod finds its cluster by its service account', () => {
  for (const [name, text] of [
    ['token', 'T\n'],
    ['ca.crt', 'CA'],
    ['namespace', 'sekisho\n'],
  ] as const)
    write(name, text)
  const access = inClusterAccess(
    { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' },
    directory,
  )
  expect(access).toMatchObject({ ok: true, value: { authority: 'CA', namespace: 'sekisho' } })
  expect(access.ok && access.value.server.href).toBe('https://[fd00::1]/')
  expect(inClusterAccess({}, directory).ok).toBe(false)
  expect(inClusterAccess({ KUBERNETES_SERVICE_HOST: 'a', KUBERNETES_SERVICE_PORT: '1' }, '/nowhere').ok).toBe(
    false,
  )
})
