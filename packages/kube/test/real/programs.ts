import { accessSync, constants, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export interface Programs {
  readonly apiServer: string
  readonly etcd: string
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Where `e2e/assets/build` leaves what it built; the newest version first. */
function built(): readonly string[] {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sekisho')
  try {
    const versions = readdirSync(cache).filter(name => name.startsWith('kubernetes-'))
    return versions
      .toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .map(name => join(cache, name))
  } catch {
    return []
  }
}

const find = (name: string, directories: readonly (string | undefined)[]): string | undefined =>
  directories.flatMap(directory => (directory ? [join(directory, name)] : [])).find(isProgram)

const assets = () => [process.env.KUBEBUILDER_ASSETS, '/usr/local/kubebuilder/bin', ...built()]

/** As envtest has it too, then the one that `e2e/assets/build kubectl` made, then the user's own. */
export function findKubectl(): string {
  const kubectl = find('kubectl', [...assets(), ...(process.env.PATH?.split(':') ?? [])])
  if (kubectl === undefined) throw new Error('kubectl is not there; e2e/assets/build kubectl makes it')
  return kubectl
}

/** As envtest looks for them, then where Debian and we put them; else which one is missing. */
export function findPrograms(): Programs | string {
  const apiServer = find('kube-apiserver', assets())
  const etcd = find('etcd', [...assets(), '/usr/bin', '/usr/local/bin'])
  if (apiServer === undefined) return 'kube-apiserver is not there; e2e/assets/build makes it'
  return etcd === undefined ? 'etcd is not there; install etcd-server' : { apiServer, etcd }
}
