import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
export const CHART = join(ROOT, 'deploy/helm/sekisho')

/** Where `e2e/assets/helm/build` leaves it, else why not. */
export function findHelm(): { readonly path: string } | string {
  const module = readFileSync(join(ROOT, 'e2e/assets/helm/go.mod'), 'utf8')
  const version = /^require helm\.sh\/helm\/v3 (v[\d.]+)$/m.exec(module)?.[1] ?? ''
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  const path = join(cache, 'sekisho', `helm-${version}`, 'helm')
  return existsSync(path) ? { path } : 'helm is not there; e2e/assets/helm/build makes it'
}

/** @throws with what helm says where it fails. */
export function helm({ path }: { readonly path: string }, args: readonly string[]): string {
  return execFileSync(path, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

interface Rendering {
  /** Values, as `--set` takes them. */
  readonly set?: readonly string[]
  readonly more?: readonly string[]
}

/** The objects that the chart makes in the namespace `sekisho`, as YAML. */
export function render(program: { readonly path: string }, { set = [], more = [] }: Rendering = {}): string {
  const values = set.map(each => `--set=${each}`)
  const release = ['sekisho', CHART, '--namespace=sekisho', '--kube-version=1.34.0']
  return helm(program, ['template', ...release, ...values, ...more])
}

/** Without tests, which are no part of an installation. */
export const plainManifests = (program: { readonly path: string }): string =>
  `# Made by \`node scripts/manifests.ts\` from the chart in deploy/helm/sekisho.\n${render(program, {
    set: ['createNamespace=true'],
    more: ['--no-hooks'],
  })}`
