import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { type ClusterAccess, openKubeClient } from '../../src/index.ts'
import { systemTimers as timers } from '../system-timers.ts'
import type { Programs } from './programs.ts'

export interface RealApiServer extends AsyncDisposable {
  /** As an administrator. */
  readonly access: ClusterAccess
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP port')
  return address.port
}

/** Programs that write to files in a directory, and end with it. */
class Running implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'sekisho-apiserver-'))
  readonly #children: ChildProcess[] = []

  start(name: string, program: string, args: readonly string[]): void {
    const log = openSync(join(this.directory, `${name}.log`), 'w')
    this.#children.push(spawn(program, args, { stdio: ['ignore', log, log], cwd: this.directory }))
  }
  write(name: string, text: string): string {
    const path = join(this.directory, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  /** The last a program said, once it has ended although it should not have. */
  get ended(): string | undefined {
    const ended = this.#children.find(child => child.exitCode !== null || child.signalCode !== null)
    if (!ended) return undefined
    const log = `${ended.spawnfile.split('/').at(-1)}.log`
    return `${ended.spawnfile} ended: ${readFileSync(join(this.directory, log), 'utf8').slice(-2_000)}`
  }
  async [Symbol.asyncDispose]() {
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    rmSync(this.directory, { recursive: true, force: true })
  }
}

function startEtcd(running: Running, { etcd }: Programs, [client, peer]: readonly [number, number]): string {
  const url = `http://127.0.0.1:${client}`
  running.start('etcd', etcd, [
    `--data-dir=${join(running.directory, 'etcd')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=default=http://127.0.0.1:${peer}`,
  ])
  return url
}

function startApiServer(
  running: Running,
  { apiServer }: Programs,
  of: { etcd: string; port: number; token: string },
) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const signing = running.write(
    'accounts.key',
    privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  )
  const accounts = running.write('accounts.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString())
  const tokens = running.write('tokens.csv', `${of.token},admin,admin,system:masters\n`)
  running.start('kube-apiserver', apiServer, [
    `--etcd-servers=${of.etcd}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${of.port}`,
    `--cert-dir=${running.directory}`,
    '--authorization-mode=RBAC',
    `--token-auth-file=${tokens}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${accounts}`,
    `--service-account-signing-key-file=${signing}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    // Nobody makes accounts where no controllers run.
    '--disable-admission-plugins=ServiceAccount',
  ])
}

/** A kube-apiserver with an etcd of its own, on loopback. */
export async function openRealApiServer(programs: Programs): Promise<RealApiServer> {
  const running = new Running()
  const stack = new AsyncDisposableStack()
  stack.use(running)
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()]
  const token = randomUUID()
  const etcd = startEtcd(running, programs, [client, peer])
  startApiServer(running, programs, { etcd, port, token })
  try {
    const access = await vi.waitFor(
      async () => {
        if (running.ended) throw new Error(running.ended)
        const found: ClusterAccess = {
          server: new URL(`https://127.0.0.1:${port}`),
          // The server signs its own certificate and leaves it here.
          authority: readFileSync(join(running.directory, 'apiserver.crt'), 'utf8'),
          credentials: { kind: 'token', read: () => token },
          namespace: 'default',
        }
        using asking = openKubeClient({ access: found, userAgent: 'sekisho-test/0', timers })
        await asking.call({ method: 'GET', path: '/api/v1/namespaces/default' })
        return found
      },
      { timeout: 180_000, interval: 250 },
    )
    return { access, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}
