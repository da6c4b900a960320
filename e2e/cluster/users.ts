import { randomUUID } from 'node:crypto'
import type { ClusterAccess } from '@sekisho/kube'
import type { NodeName } from './network.ts'
import type { Running } from './programs.ts'

/** Who the parts of the cluster are, as Kubernetes' own roles know them. */
export type User = 'admin' | 'controllers' | 'scheduler' | 'proxy' | NodeName

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

export class Users {
  readonly #running: Running
  readonly #tokens: ReadonlyMap<User, string>

  constructor(running: Running, nodes: readonly NodeName[]) {
    this.#running = running
    const all = ['admin', 'controllers', 'scheduler', 'proxy', ...nodes] as const
    this.#tokens = new Map<User, string>(all.map(user => [user, randomUUID()]))
  }

  token(user: User): string {
    const token = this.#tokens.get(user)
    if (token === undefined) throw new RangeError(`nobody is ${user}`)
    return token
  }

  /** Writes the file by which the API server knows them. @returns its path. */
  writeTokens(): string {
    const lines = [...this.#tokens].map(([user, token]) => {
      const [name, groups] = groupsOf(user)
      return `${token},${name},${user},"${groups}"\n`
    })
    return this.#running.write('tokens.csv', lines.join(''))
  }

  /** Writes a file for a part of the cluster. @returns its path. */
  writeKubeconfig({ server, authority = '' }: ClusterAccess, user: User): string {
    const cluster = {
      server: server.origin,
      'certificate-authority-data': Buffer.from(authority).toString('base64'),
    }
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user } }],
      clusters: [{ name: 'test', cluster }],
      users: [{ name: user, user: { token: this.token(user) } }],
    }
    return this.#running.write(`${user}.kubeconfig`, JSON.stringify(config))
  }
}
