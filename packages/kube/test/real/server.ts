import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
  /** Ends the API server and starts it again; etcd, and with it all objects, stays. */
  restart(): Promise<void>
}

/** A TCP port of loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
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
  readonly #children = new Map<string, ChildProcess>()

  start(name: string, program: string, args: readonly string[]): void {
    const log = openSync(join(this.directory, `${name}.log`), 'w')
    this.#children.set(name, spawn(program, args, { stdio: ['ignore', log, log], cwd: this.directory }))
    closeSync(log)
  }
  async stop(name: string): Promise<void> {
    const child = this.#children.get(name)
    this.#children.delete(name)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  write(name: string, text: string): string {
    const path = join(this.directory, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  /** The last a program said, once it has ended although it should not have. */
  get ended(): string | undefined {
    const isOver = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null
    const [name] = [...this.#children].find(([, child]) => isOver(child)) ?? []
    if (name === undefined) return undefined
    return `${name} ended: ${readFileSync(join(this.directory, `${name}.log`), 'utf8').slice(-2_000)}`
  }
  async [Symbol.asyncDispose]() {
    for (const name of [...this.#children.keys()].toReversed()) await this.stop(name)
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

/** @returns what its flags are; its keys and tokens are files in the directory. */
function apiServerFlags(
  running: Running,
  of: { etcd: string; port: number; token: string },
): readonly string[] {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const signing = running.write(
    'accounts.key',
    privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  )
  const accounts = running.write('accounts.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString())
  const tokens = running.write('tokens.csv', `${of.token},admin,admin,system:masters\n`)
  return [
    `--etcd-servers=${of.etcd}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${of.port}`,
    `--cert-dir=${running.directory}`,
    '--authorization-mode=RBAC',
    // As every cluster has it: kube-proxy and network plugins need it.
    '--allow-privileged=true',
    `--token-auth-file=${tokens}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${accounts}`,
    `--service-account-signing-key-file=${signing}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    // Nobody makes accounts where no controllers run.
    '--disable-admission-plugins=ServiceAccount',
  ]
}

/** Waits until the API answers. @throws with the end of its log where a program ended instead. */
function ready(running: Running, port: number, token: string): Promise<ClusterAccess> {
  return vi.waitFor(
    async () => {
      if (running.ended) throw new Error(running.ended)
      const access: ClusterAccess = {
        server: new URL(`https://127.0.0.1:${port}`),
        // The server signs its own certificate and leaves it here.
        authority: readFileSync(join(running.directory, 'apiserver.crt'), 'utf8'),
        credentials: { kind: 'token', read: () => token },
        namespace: 'default',
      }
      using client = openKubeClient({ access, userAgent: 'sekisho-test/0', timers })
      await client.call({ method: 'GET', path: '/api/v1/namespaces/default' })
      return access
    },
    { timeout: 180_000, interval: 250 },
  )
}

/** A kube-apiserver with an etcd of its own, on loopback. */
export async function openRealApiServer(programs: Programs): Promise<RealApiServer> {
  await using stack = new AsyncDisposableStack()
  const running = stack.use(new Running())
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()]
  const token = randomUUID()
  const etcd = startEtcd(running, programs, [client, peer])
  const flags = apiServerFlags(running, { etcd, port, token })
  const start = () => {
    running.start('kube-apiserver', programs.apiServer, flags)
    return ready(running, port, token)
  }
  const access = await start()
  const kept = stack.move()
  return {
    access,
    async restart() {
      await running.stop('kube-apiserver')
      await start()
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
