import { Backoff, pause, type Timers, textAt } from '@sekisho/core'
import { isConflict, type KubeClient, type KubeObject, KubeObjects, OWN_LABELS, SECRETS } from '@sekisho/kube'
import type { Log } from '../log.ts'
import {
  type Authority,
  type AuthorityFiles,
  installAuthority,
  openAuthority,
  readAuthority,
} from './authority.ts'

export interface SharedAuthorityOptions {
  /** Where each server keeps its copy. */
  readonly directory: string
  readonly client: KubeClient
  readonly namespace: string
  readonly timers: Timers
  readonly log: Log
  /** One of several servers: none begins with what it has while the cluster cannot be asked. */
  readonly elected?: boolean | undefined
}

const NAME = 'sekisho-authority'
const FILES = ['ca.key', 'ca.pem'] as const

const encoded = (text: string): string => Buffer.from(text).toString('base64')

function filesOf({ json }: KubeObject): AuthorityFiles {
  const [key, certificate] = FILES.map(name =>
    Buffer.from(textAt(json, 'data', name) ?? '', 'base64').toString(),
  )
  if (!key || !certificate) throw new Error(`the Secret ${NAME} is not an authority`)
  return { key, certificate }
}

/** The Secret's, or this directory's own, which becomes the Secret's where there is none. */
async function agreed({
  directory,
  client,
  namespace,
  timers,
}: SharedAuthorityOptions): Promise<AuthorityFiles> {
  const secrets = new KubeObjects(client, SECRETS)
  const place = { namespace, name: NAME }
  const there = await secrets.find(place)
  if (there) return filesOf(there)
  openAuthority(directory, timers)
  const own = readAuthority(directory)
  if (!own) throw new Error(`${directory} holds no authority`)
  const metadata = { name: NAME, labels: OWN_LABELS }
  const data = { 'ca.key': encoded(own.key), 'ca.pem': encoded(own.certificate) }
  try {
    // Immutable: the API server itself refuses whoever would put another in its place.
    return filesOf(await secrets.create({ namespace }, { metadata, immutable: true, data }))
  } catch (error) {
    if (!isConflict(error)) throw error
    return filesOf(await secrets.get(place))
  }
}

/**
 * The authority of a cluster: all its servers have the same one, which the first of them made, so that agents of one are
 * agents of every other. A cluster that does not answer is waited for, except by a single server that has its copy.
 */
export async function shareAuthority(options: SharedAuthorityOptions): Promise<Authority> {
  const { directory, timers, log, elected = false } = options
  const backoff = new Backoff({ firstMs: 500, mostMs: 30_000, random: Math.random })
  const never = new AbortController().signal
  for (;;) {
    try {
      const files = await agreed(options)
      if (installAuthority(directory, files))
        log.warn("the cluster's authority takes the place of this directory's")
      return openAuthority(directory, timers)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const goesOn = !elected && readAuthority(directory) !== undefined
      log.warn('the authority of the cluster cannot be read', { reason, goesOn })
      if (goesOn) return openAuthority(directory, timers)
    }
    await pause(timers, backoff.next(), never)
  }
}
