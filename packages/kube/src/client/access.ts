import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fail, listAt, ok, type Result, textAt, valueAt } from '@sekisho/core'
import { parse } from 'yaml'

/** How to reach a Kubernetes API server, and as whom. */
export interface ClusterAccess {
  readonly server: URL
  /** PEM of the authorities that may speak for the server; absent: those that Node trusts. */
  readonly authority?: string
  /** The name to expect in the server's certificate, where it is not the host of `server`. */
  readonly serverName?: string
  readonly credentials: Credentials
  /** Of the pod we run in, or of the context. */
  readonly namespace: string
}

export type Credentials =
  | { readonly kind: 'none' }
  /** PEM texts. */
  | { readonly kind: 'certificate'; readonly certificate: string; readonly key: string }
  /** Asked before each call: the kubelet replaces a projected token long before it ends. */
  | { readonly kind: 'token'; readonly read: () => string }

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

const tokenFile = (path: string): Credentials => ({
  kind: 'token',
  read: () => readFileSync(path, 'utf8').trim(),
})

/**
 * As a pod finds its cluster: by the variables and the projected volume that every container gets.
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
export function inClusterAccess(
  environment: Readonly<Record<string, string | undefined>>,
  directory = SERVICE_ACCOUNT,
): Result<ClusterAccess, string> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment
  if (!host || !port) return fail('this is no pod: KUBERNETES_SERVICE_HOST and _PORT are not set')
  try {
    const read = (name: string) => readFileSync(`${directory}/${name}`, 'utf8')
    const credentials = tokenFile(`${directory}/token`)
    return ok({
      server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
      authority: read('ca.crt'),
      credentials,
      namespace: read('namespace').trim(),
    })
  } catch (error) {
    return fail(`the service account of this pod cannot be read: ${reasonOf(error)}`)
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** A mistake in a kubeconfig file. Thrown and caught in this file only. */
class Wrong extends Error {
  override readonly name = 'Wrong'
}

/** The entry of that name in one of the file's lists of `{name, <kind>: {…}}`. */
function entry(config: unknown, list: string, kind: string, name: string | undefined): unknown {
  const found = listAt(config, list).find(each => textAt(each, 'name') === name)
  if (name === undefined || found === undefined)
    throw new Wrong(`${list} has no ${JSON.stringify(name ?? '')}`)
  return valueAt(found, kind)
}

/** What stands in the file itself in base64 comes before what it names a file for, as in kubectl. */
function content(config: unknown, key: string, from: string): string | undefined {
  const data = textAt(config, `${key}-data`)
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8')
  const path = textAt(config, key)
  return path === undefined ? undefined : readFileSync(resolve(from, path), 'utf8')
}

/** Ways to log in that are not known here: none of them may end in a call without credentials. */
const UNKNOWN_WAYS = ['exec', 'auth-provider', 'username', 'password', 'as', 'as-uid', 'as-groups']

function credentialsOf(user: unknown, from: string): Credentials {
  const unknown = UNKNOWN_WAYS.find(key => valueAt(user, key) !== undefined)
  if (unknown) throw new Wrong(`users: "${unknown}" is not supported; use a token or a client certificate`)
  const token = textAt(user, 'token')
  if (token !== undefined) return { kind: 'token', read: () => token }
  const file = textAt(user, 'tokenFile')
  if (file !== undefined) return tokenFile(resolve(from, file))
  const certificate = content(user, 'client-certificate', from)
  const key = content(user, 'client-key', from)
  return certificate !== undefined && key !== undefined
    ? { kind: 'certificate', certificate, key }
    : { kind: 'none' }
}

function serverOf(cluster: unknown): URL {
  if (valueAt(cluster, 'insecure-skip-tls-verify') === true)
    throw new Wrong('clusters: insecure-skip-tls-verify is not supported; name the certificate-authority')
  if (valueAt(cluster, 'proxy-url') !== undefined) throw new Wrong('clusters: proxy-url is not supported')
  const server = textAt(cluster, 'server') ?? ''
  if (!URL.canParse(server)) throw new Wrong(`clusters: server ${JSON.stringify(server)} is not a URL`)
  return new URL(server)
}

/**
 * Reads one kubeconfig file. https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 * @param context the file's `current-context` without it.
 */
export function kubeconfigAccess(path: string, context?: string): Result<ClusterAccess, string> {
  try {
    const config: unknown = parse(readFileSync(path, 'utf8'), { maxAliasCount: 0 })
    const chosen = entry(config, 'contexts', 'context', context ?? textAt(config, 'current-context'))
    const cluster = entry(config, 'clusters', 'cluster', textAt(chosen, 'cluster'))
    const user = entry(config, 'users', 'user', textAt(chosen, 'user'))
    const authority = content(cluster, 'certificate-authority', dirname(path))
    const serverName = textAt(cluster, 'tls-server-name')
    return ok({
      server: serverOf(cluster),
      ...(authority !== undefined && { authority }),
      ...(serverName !== undefined && { serverName }),
      credentials: credentialsOf(user, dirname(path)),
      namespace: textAt(chosen, 'namespace') ?? 'default',
    })
  } catch (error) {
    return fail(`${path}: ${reasonOf(error)}`)
  }
}
