import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog, openAuthority, shareAuthority } from '@sekisho/control'
import { openKubeClient } from '@sekisho/kube'
import { afterEach, expect, test } from 'vitest'
import { openApiServerDouble } from '../../packages/kube/test/double/api-server.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'

const directories: string[] = []
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
})
const directory = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'sekisho-authority-'))
  directories.push(made)
  return made
}

/** A server's way to the authority of a cluster at this address. */
async function share(server: URL, into: string, said: string[] = []) {
  const access = { server, credentials: { kind: 'none' }, namespace: 'sekisho' } as const
  using client = openKubeClient({ access, userAgent: 'test/0', timers })
  const log = createLog(line => said.push(line), timers)
  return await shareAuthority({ directory: into, client, namespace: 'sekisho', timers, log })
}

test('servers that begin at once have one, and one that was alone brings its own', async () => {
  await using double = await openApiServerDouble()
  const first = directory()
  const own = openAuthority(first, timers)
  expect((await share(double.url, first)).fingerprint).toBe(own.fingerprint)
  const others = await Promise.all([directory(), directory()].map(each => share(double.url, each)))
  expect(others.map(({ fingerprint }) => fingerprint)).toEqual([own.fingerprint, own.fingerprint])
  await using fresh = await openApiServerDouble()
  const begun = await Promise.all([directory(), directory(), directory()].map(each => share(fresh.url, each)))
  expect(new Set(begun.map(({ fingerprint }) => fingerprint)).size).toBe(1)
})

test('the authority of the cluster takes the place of another in the directory, and that is said', async () => {
  await using double = await openApiServerDouble()
  const theirs = await share(double.url, directory())
  const into = directory()
  openAuthority(into, timers)
  const said: string[] = []
  expect((await share(double.url, into, said)).fingerprint).toBe(theirs.fingerprint)
  expect(said.join()).toContain("takes the place of this directory's")
  expect(openAuthority(into, timers).fingerprint).toBe(theirs.fingerprint)
})

test('a server that is alone begins with its copy where the cluster is away', async () => {
  const into = directory()
  const own = openAuthority(into, timers)
  const said: string[] = []
  expect((await share(new URL('http://127.0.0.1:1'), into, said)).fingerprint).toBe(own.fingerprint)
  expect(said.join()).toContain('cannot be read')
})
