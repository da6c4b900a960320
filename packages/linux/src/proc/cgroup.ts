/** What a control group's path says about who runs in it. The names are those that the runtimes give. */

export type ContainerRuntime = 'docker' | 'podman' | 'containerd' | 'cri-o' | 'lxc'

export interface ContainerName {
  readonly runtime: ContainerRuntime
  /** 64 hex digits; for LXC the container's name. */
  readonly id: string
  /** Unique id of the Kubernetes pod. */
  readonly pod?: string
}

const HEX64 = '[0-9a-f]{64}'
/** Tried in order on each component of the path, innermost first. */
const PATTERNS: readonly (readonly [ContainerRuntime, RegExp])[] = [
  ['docker', new RegExp(`^docker-(${HEX64})\\.scope$`)],
  ['podman', new RegExp(`^libpod-(?:payload-)?(${HEX64})(?:\\.scope)?$`)],
  ['containerd', new RegExp(`^(?:cri-containerd|nerdctl)-(${HEX64})\\.scope$`)],
  ['cri-o', new RegExp(`^crio-(${HEX64})(?:\\.scope)?$`)],
  ['lxc', /^lxc\.payload\.([\w.-]+)$/],
]
/** The cgroupfs driver names the group by the bare id; its parent says whose it is. */
const BARE = new RegExp(`^${HEX64}$`)
const POD =
  /^(?:kubepods-(?:besteffort-|burstable-)?)?pod([0-9a-f]{8}[-_](?:[0-9a-f]{4}[-_]){3}[0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/

const podOf = (parts: readonly string[]): string | undefined => {
  for (const part of parts) {
    const uid = POD.exec(part)?.[1]
    if (uid !== undefined) return uid.replaceAll('_', '-')
  }
  return undefined
}

function nameOf(part: string, parents: readonly string[]): Omit<ContainerName, 'pod'> | undefined {
  for (const [runtime, pattern] of PATTERNS) {
    const id = pattern.exec(part)?.[1]
    if (id !== undefined) return { runtime, id }
  }
  const parent = parents.at(-1)
  if (parent === 'lxc') return { runtime: 'lxc', id: part }
  if (!BARE.test(part)) return undefined
  if (parent === 'docker') return { runtime: 'docker', id: part }
  return podOf(parents) === undefined ? undefined : { runtime: 'containerd', id: part }
}

/** The container a control group belongs to, also from a group that the container made inside itself. */
export function containerOf(path: string): ContainerName | undefined {
  const parts = path.split('/').filter(part => part !== '')
  for (let i = parts.length - 1; i >= 0; i--) {
    const parents = parts.slice(0, i)
    const name = nameOf(parts[i] ?? '', parents)
    const pod = podOf(parents)
    if (name) return pod === undefined ? name : { ...name, pod }
  }
  return undefined
}

const SERVICE = /^\/system\.slice\/(?:[^/]+\.slice\/)*(?<unit>[^/]+)\.service(?:\/|$)/

/** The systemd service a control group belongs to, without `.service`. */
export const serviceOf = (path: string): string | undefined => SERVICE.exec(path)?.groups?.unit

/**
 * Paths of /proc/PID/cgroup, one line per hierarchy: `id:controllers:path`. On cgroup v2 there is one, on v1 many,
 * on hybrid systems both; runtimes name the same group in each they use.
 */
export function cgroupPaths(source: string): string[] {
  const paths = source.split('\n').flatMap(line => {
    const second = line.indexOf(':', line.indexOf(':') + 1)
    return second < 0 ? [] : [line.slice(second + 1)]
  })
  return [...new Set(paths)]
}
