import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { SekishoError } from '@sekisho/core'

/**
 * The cluster, as the user's own kubectl reaches it: with its contexts, its credential plugins and its proxies, none of
 * which is understood here.
 */
export interface Kubectl {
  /** @returns what it printed. @throws KubectlError with what it said. */
  run(args: readonly string[], input?: string): Promise<string>
}

export class KubectlError extends SekishoError {
  /** The API server has no such thing. */
  get isNotFound(): boolean {
    return /\(NotFound\)|could not find the requested resource/.test(this.message)
  }
  get isForbidden(): boolean {
    return this.message.includes('(Forbidden)')
  }
}

async function read(stream: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}

/** @param context of the kubeconfig; its current one without. */
export const openKubectl = (context?: string): Kubectl => ({
  async run(args, input = '') {
    const global = context === undefined ? [] : [`--context=${context}`]
    const child = spawn('kubectl', [...global, ...args], { stdio: 'pipe' })
    const failed = once(child, 'error').then(([error]) => {
      throw new SekishoError('unavailable', `kubectl cannot be started: ${String(error)}`)
    })
    // It may end without reading.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    const ended = Promise.all([read(child.stdout), read(child.stderr), once(child, 'close')])
    const [output, complaint, [code]] = await Promise.race([ended, failed])
    if (code !== 0) throw new KubectlError('unavailable', `kubectl: ${complaint.trim()}`)
    return output
  },
})

/** The answer of the API server to GET. Absent: there is none. */
export async function getRaw(kubectl: Kubectl, path: string): Promise<unknown> {
  try {
    return JSON.parse(await kubectl.run(['get', '--raw', path]))
  } catch (error) {
    if (error instanceof KubectlError && error.isNotFound) return undefined
    throw error
  }
}

/** Reads what the user may read; what is forbidden counts as absent and is remembered by its path. */
export class Reading {
  readonly #kubectl: Kubectl
  readonly unread: string[] = []

  constructor(kubectl: Kubectl) {
    this.#kubectl = kubectl
  }

  /** @throws where the cluster cannot be reached. */
  readonly get = async (path: string): Promise<unknown> => {
    try {
      return await getRaw(this.#kubectl, path)
    } catch (error) {
      if (!(error instanceof KubectlError && error.isForbidden)) throw error
      this.unread.push(path)
      return undefined
    }
  }
}
