import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { findKubectl } from '../../packages/kube/test/real/programs.ts'
import { openRealApiServer, type RealApiServer } from '../../packages/kube/test/real/server.ts'
import { withPrograms } from '../kube/real-cluster.ts'

const PROGRAM = join(import.meta.dirname, '../../bin/kubectl-sekisho')

withPrograms('kubectl sekisho', programs =>
  describe('kubectl sekisho', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sekisho-kubectl-'))
    const kubeconfig = join(directory, 'config')
    let server: RealApiServer
    beforeAll(async () => {
      server = await openRealApiServer(programs)
      const { access } = server
      const token = access.credentials.kind === 'token' ? access.credentials.read() : ''
      const authority = Buffer.from(access.authority ?? '').toString('base64')
      const cluster = { server: access.server.href, 'certificate-authority-data': authority }
      writeFileSync(
        kubeconfig,
        stringify({
          'current-context': 'test',
          contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
          clusters: [{ name: 'test', cluster }],
          users: [{ name: 'test', user: { token } }],
        }),
      )
    }, 300_000)
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true })
    })

    const sekisho = (...args: readonly string[]) => {
      const env = {
        PATH: `${dirname(findKubectl())}:${process.env.PATH}`,
        HOME: directory,
        KUBECONFIG: kubeconfig,
      }
      const { status, stdout, stderr } = spawnSync(PROGRAM, args, { encoding: 'utf8', env })
      return { status, stdout, stderr }
    }
    const found = () => {
      const { stdout } = sekisho('check', '--pre', '-o', 'json')
      const findings = JSON.parse(stdout) as { check: string; state: string; found: string }[]
      return Object.fromEntries(findings.map(each => [each.check, `${each.state}: ${each.found}`]))
    }

    test('says what stands against an installation', () => {
      expect(found()).toMatchObject({
        Kubernetes: expect.stringMatching(/^ok: v1\./) as unknown,
        kernels: 'warning: no nodes were seen',
        'your rights': 'ok: enough to install',
        'other installations': 'ok: none',
        storage: expect.stringMatching(/^warning/) as unknown,
      })
    })

    test('installs, says what it made and what is next, and knows it again', () => {
      const { status, stdout, stderr } = sekisho('install', '--image', 'registry.example/sekisho:1')
      expect({ status, stderr }).toMatchObject({ status: 0 })
      expect(stdout).toContain('daemonset.apps/sekisho-agent serverside-applied')
      expect(stdout).toContain('login-link')
      expect(found()['other installations']).toBe('ok: in sekisho: an upgrade')
    })

    test('says of an installation that its server is not there yet', () => {
      const { status, stdout } = sekisho('status', '-o', 'json')
      expect(status).toBe(1)
      const { server, webhook, nodes } = JSON.parse(stdout) as Record<string, Record<string, unknown>>
      expect(server).toMatchObject({ desired: 1, ready: 0, images: ['registry.example/sekisho:1'] })
      expect(server?.trouble).toMatch(/kubectl: /)
      expect({ webhook, nodes }).toEqual({ webhook: undefined, nodes: [] })
    })
  }),
)
