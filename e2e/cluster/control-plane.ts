import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ClusterAccess, openKubeClient } from '@sekisho/kube'
import { findPrograms } from '../../packages/kube/test/real/programs.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { eventually } from './eventually.ts'
import { HERE, Running } from './programs.ts'

/** Who the parts of the cluster are, as Kubernetes' own roles know them. */
export type User = 'admin' | 'controllers' | 'scheduler' | 'proxy' | `node-${number}`

export interface ControlPlane extends AsyncDisposable {
  /** Folder of the programs of Kubernetes. */
  readonly programs: string
  /** As an administrator. */
  readonly access: ClusterAccess
  /** A file for a part of the cluster. */
  kubeconfig(user: User): string
}

export const SERVICES = '10.96.0.0/16'
const PORT = 6443

const groupsOf = (user: User): readonly [name: string, groups: string] => {
  switch (user) {
    case 'admin':
      return ['admin', 'system:masters']
    case 'controllers':
      return ['system:kube-controller-manager', '']
    case 'scheduler':
      return ['system:kube-scheduler', '']
    case 'proxy':
      return ['system:kube-proxy', '']
    default:
      return [`system:node:${user}`, 'system:nodes']
  }
}

/**
 * etcd, API server, controllers and scheduler, where the tests run.
 * @param address on which nodes and pods reach the API server.
 */
export async function openControlPlane(
  directory: string,
  address: string,
  nodes: readonly `node-${number}`[],
): Promise<ControlPlane> {
  const found = findPrograms()
  if (typeof found === 'string') throw new Error(found)
  const programs = join(found.apiServer, '..')
  await using stack = new AsyncDisposableStack()
  const running = stack.use(new Running(join(directory, 'control-plane')))
  const tokens = new Map<User, string>(
    (['admin', 'controllers', 'scheduler', 'proxy', ...nodes] as const).map(user => [user, randomUUID()]),
  )
  const certificates = join(running.directory, 'certificates')
  mkdirSync(certificates)
  const keys = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const signing = running.write(
    'accounts.key',
    keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  )
  const accounts = running.write(
    'accounts.pub',
    keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  )
  const lines = [...tokens].map(([user, token]) => {
    const [name, groups] = groupsOf(user)
    return `${token},${name},${user},"${groups}"\n`
  })
  running.start('etcd', HERE, [
    found.etcd,
    `--data-dir=${join(running.directory, 'etcd')}`,
    '--unsafe-no-fsync',
  ])
  running.start('kube-apiserver', HERE, [
    found.apiServer,
    '--etcd-servers=http://127.0.0.1:2379',
    `--advertise-address=${address}`,
    `--secure-port=${PORT}`,
    // It signs its own certificate and leaves it there.
    `--cert-dir=${certificates}`,
    '--authorization-mode=Node,RBAC',
    `--token-auth-file=${running.write('tokens.csv', lines.join(''))}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${accounts}`,
    `--service-account-signing-key-file=${signing}`,
    `--service-cluster-ip-range=${SERVICES}`,
    '--allow-privileged=true',
    // Webhooks are called at their pods: there is no kube-proxy here.
    '--enable-aggregator-routing=true',
  ])
  const access = await eventually(async () => {
    running.check()
    const authority = readFileSync(join(certificates, 'apiserver.crt'), 'utf8')
    const candidate: ClusterAccess = {
      server: new URL(`https://${address}:${PORT}`),
      authority,
      credentials: { kind: 'token', read: () => tokens.get('admin') ?? '' },
      namespace: 'default',
    }
    using client = openKubeClient({ access: candidate, userAgent: 'sekisho-test/0', timers })
    await client.call({ method: 'GET', path: '/api/v1/namespaces/default' })
    return candidate
  })
  const kubeconfig = (user: User) =>
    running.write(
      `${user}.kubeconfig`,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'test',
        contexts: [{ name: 'test', context: { cluster: 'test', user } }],
        clusters: [
          {
            name: 'test',
            cluster: {
              server: access.server.origin,
              'certificate-authority-data': Buffer.from(access.authority ?? '').toString('base64'),
            },
          },
        ],
        users: [{ name: user, user: { token: tokens.get(user) } }],
      }),
    )
  running.start('kube-controller-manager', HERE, [
    join(programs, 'kube-controller-manager'),
    `--kubeconfig=${kubeconfig('controllers')}`,
    `--service-account-private-key-file=${signing}`,
    `--root-ca-file=${join(certificates, 'apiserver.crt')}`,
    '--use-service-account-credentials=true',
    '--leader-elect=false',
    // A lost node is to be said lost within a test.
    '--node-monitor-grace-period=20s',
  ])
  running.start('kube-scheduler', HERE, [
    join(programs, 'kube-scheduler'),
    `--kubeconfig=${kubeconfig('scheduler')}`,
    '--leader-elect=false',
  ])
  const kept = stack.move()
  return { programs, access, kubeconfig, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
