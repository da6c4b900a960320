import { join } from 'node:path'
import type { Cluster } from './cluster.ts'
import { SEKISHO } from './image.ts'
import { HERE, run } from './programs.ts'

const CHECKOUT = join(import.meta.dirname, '../..')
export const NAMESPACE = 'sekisho'

/** What a test changes. */
export interface Release {
  /** Servers; several may be on any node, one is where no test loses the node. */
  readonly servers?: number
  /** Agents undo what they did to their nodes. */
  readonly remove?: boolean
}

/** What the chart is told: nothing that a user would not tell it. */
const valuesOf = ({ servers = 1, remove = false }: Release) => ({
  mode: 'enforce',
  image: { ...SEKISHO, pullPolicy: 'Never' },
  server: {
    replicas: servers,
    // No disk outlives this cluster.
    persistence: { enabled: false },
    ...(servers === 1 && { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } }),
  },
  agent: { cni: { enabled: true }, identify: 'off', remove },
})

/** Installs the chart, or upgrades it. */
export function helmUpgrade({ control }: Cluster, release: Release): void {
  const helm = run(HERE, [join(CHECKOUT, 'e2e/assets/helm/build')]).trim()
  run(
    HERE,
    [
      helm,
      'upgrade',
      '--install',
      'sekisho',
      join(CHECKOUT, 'deploy/helm/sekisho'),
      `--namespace=${NAMESPACE}`,
      '--create-namespace',
      `--kubeconfig=${control.kubeconfig('admin')}`,
      '--values=-',
    ],
    JSON.stringify(valuesOf(release)),
  )
}
