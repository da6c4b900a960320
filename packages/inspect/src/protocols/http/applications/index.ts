import type { Application, L7Request } from '@sekisho/core'
import type { Reading } from '../../../reading.ts'
import type { Notes } from '../fields.ts'
import type { HttpApplication } from './application.ts'
import { clickhouse } from './clickhouse.ts'
import { consul } from './consul.ts'
import { docker } from './docker.ts'
import { doh } from './doh.ts'
import { elasticsearch } from './elasticsearch.ts'
import { etcd } from './etcd.ts'
import { kubernetes } from './kubernetes.ts'

export const HTTP_APPLICATIONS: readonly HttpApplication[] = [
  clickhouse,
  consul,
  docker,
  doh,
  elasticsearch,
  etcd,
  kubernetes,
]

/** One test for all paths: most requests are of no application that is known. */
const ANY_PATH = new RegExp(HTTP_APPLICATIONS.flatMap(({ paths }) => (paths ? [paths.source] : [])).join('|'))
const SHOWN = 60

/** Which gRPC services are an application's own, by the package of their definition. */
const GRPC_PACKAGES: Readonly<Record<string, Application>> = { etcdserverpb: 'etcd' }

/** Finds out what speaks HTTP here, once for a connection: what a client asks next is asked of the same server. */
export class Refinement {
  #application: Application | undefined

  request(request: L7Request, notes: Notes, found: Reading[]): void {
    if (this.#application !== undefined && this.#application !== 'grpc') return
    if (request.kind === 'grpc') this.#grpc(request.service, found)
    else if (request.kind === 'http') this.#http(request.path, notes, found)
  }

  answer(notes: Notes, found: Reading[]): void {
    if (this.#application !== undefined) return
    for (const { application, answers } of HTTP_APPLICATIONS) {
      const evidence = answers?.(notes)
      if (evidence === undefined) continue
      this.#refined(application, `answer's ${evidence}`, found)
      return
    }
  }

  #http(path: string, notes: Notes, found: Reading[]): void {
    const known = ANY_PATH.test(path)
    for (const { application, paths, asks } of HTTP_APPLICATIONS) {
      const evidence =
        asks?.(notes) ?? (known && paths?.test(path) ? `path "${path.slice(0, SHOWN)}"` : undefined)
      if (evidence === undefined) continue
      this.#refined(application, `request's ${evidence}`, found)
      return
    }
  }

  #grpc(service: string, found: Reading[]): void {
    const application = GRPC_PACKAGES[service.slice(0, service.indexOf('.'))] ?? 'grpc'
    if (application !== this.#application)
      this.#refined(application, `service "${service.slice(0, SHOWN)}"`, found)
  }

  #refined(application: Application, evidence: string, found: Reading[]): void {
    this.#application = application
    found.push({ kind: 'refined', application, evidence })
  }
}
