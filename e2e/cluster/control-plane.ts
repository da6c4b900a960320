import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ClusterAccess, openKubeClient } from '@sekisho/kube'
import { findPrograms, type Programs } from '../../packages/kube/test/real/programs.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { eventually } from './eventually.ts'
import { type Both, type NodeName, SERVICE_NETWORKS } from './network.ts'
import { HERE, Running } from './programs.ts'
import { type User, Users } from './users.ts'

export interface ControlPlane extends AsyncDisposable {
  /** Folder of the programs of Kubernetes. */
  readonly programs: string
  /** As an administrator. */
  readonly access: ClusterAccess
  /** A file for a part of the cluster. */
  kubeconfig(user: User): string
}

const PORT = 6443

/** Keys by which service accounts are known. */
interface AccountKeys {
  readonly signing: string
  readonly verifying: string
}

function writeAccountKeys(running: Running): AccountKeys {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  return {
    signing: running.write('accounts.key', privatePem),
    verifying: running.write('accounts.pub', publicPem),
  }
}

interface Parts {
  readonly running: Running
  readonly users: Users
  readonly keys: AccountKeys
  /** Folder where the API server leaves the certificate that it signs for itself. */
  readonly certificates: string
}

const certificateOf = ({ certificates }: Parts) => join(certificates, 'apiserver.crt')

function startApiServer(parts: Parts, found: Programs, address: string): void {
  const { running, users, keys, certificates } = parts
  const data = join(running.directory, 'etcd')
  running.start('etcd', HERE, [found.etcd, `--data-dir=${data}`, '--unsafe-no-fsync'])
  running.start('kube-apiserver', HERE, [
    found.apiServer,
    '--etcd-servers=http://127.0.0.1:2379',
    `--advertise-address=${address}`,
    `--secure-port=${PORT}`,
    `--cert-dir=${certificates}`,
    '--authorization-mode=Node,RBAC',
    `--token-auth-file=${users.writeTokens()}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${keys.verifying}`,
    `--service-account-signing-key-file=${keys.signing}`,
    `--service-cluster-ip-range=${SERVICE_NETWORKS.join()}`,
    '--allow-privileged=true',
    // Webhooks are called at their pods: there is no kube-proxy here.
    '--enable-aggregator-routing=true',
  ])
}

/** Waits until it answers. @returns how an administrator reaches it. */
const reachApiServer = (parts: Parts, address: string): Promise<ClusterAccess> =>
  eventually(async () => {
    parts.running.check()
    const access: ClusterAccess = {
      server: new URL(`https://${address}:${PORT}`),
      authority: readFileSync(certificateOf(parts), 'utf8'),
      credentials: { kind: 'token', read: () => parts.users.token('admin') },
      namespace: 'default',
    }
    using client = openKubeClient({ access, userAgent: 'sekisho-test/0', timers })
    await client.call({ method: 'GET', path: '/api/v1/namespaces/default' })
    return access
  })

function startControllers(
  parts: Parts,
  { programs, kubeconfig }: Pick<ControlPlane, 'programs' | 'kubeconfig'>,
): void {
  const { running, keys } = parts
  running.start('kube-controller-manager', HERE, [
    join(programs, 'kube-controller-manager'),
    `--kubeconfig=${kubeconfig('controllers')}`,
    `--service-account-private-key-file=${keys.signing}`,
    `--root-ca-file=${certificateOf(parts)}`,
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
}

/**
 * etcd, API server, controllers and scheduler, where the tests run.
 * @param addresses on which nodes and pods reach the API server: by the first.
 */
export async function openControlPlane(
  directory: string,
  [address]: Both,
  nodes: readonly NodeName[],
): Promise<ControlPlane> {
  const found = findPrograms()
  if (typeof found === 'string') throw new Error(found)
  await using stack = new AsyncDisposableStack()
  const running = stack.use(new Running(join(directory, 'control-plane')))
  const users = new Users(running, nodes)
  const certificates = join(running.directory, 'certificates')
  mkdirSync(certificates)
  const parts: Parts = { running, users, keys: writeAccountKeys(running), certificates }
  startApiServer(parts, found, address)
  const access = await reachApiServer(parts, address)
  const programs = join(found.apiServer, '..')
  const kubeconfig = (user: User) => users.writeKubeconfig(access, user)
  startControllers(parts, { programs, kubeconfig })
  const kept = stack.move()
  return { programs, access, kubeconfig, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
