import { randomUUID } from 'node:crypto'
import { type JsonRecord, listAt, textAt } from '@sekisho/core'
import { type Objects, Refusal } from './objects.ts'

const REQUEST = /^\/api\/v1\/namespaces\/(?<namespace>[^/]+)\/serviceaccounts\/(?<account>[^/]+)\/token$/
const ACCESS = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
const REVIEW = '/apis/authentication.k8s.io/v1/tokenreviews'

interface Minted {
  readonly user: string
  readonly node: string | undefined
  readonly audiences: readonly unknown[]
}

/** Who is of the group that may do everything may; nobody else. */
const access = (body: JsonRecord): JsonRecord => ({
  ...body,
  status: { allowed: listAt(body, 'spec', 'groups').includes('system:masters') },
})

/** Tokens of service accounts, made and reviewed as by a kube-apiserver. */
export class Tokens {
  readonly #minted = new Map<string, Minted>()
  readonly #objects: Objects

  constructor(objects: Objects) {
    this.#objects = objects
  }

  /** @returns undefined where the path is about something else. */
  answer(path: string, body: JsonRecord): JsonRecord | undefined {
    const of = REQUEST.exec(path)?.groups
    if (of?.namespace && of.account) return this.#mint(of.namespace, of.account, body)
    if (path === ACCESS) return access(body)
    return path === REVIEW ? this.#review(body) : undefined
  }

  #mint(namespace: string, account: string, body: JsonRecord): JsonRecord {
    const pod = textAt(body, 'spec', 'boundObjectRef', 'name')
    const bound = pod === undefined ? {} : this.#objects.get(`/api/v1/namespaces/${namespace}/pods/${pod}`)
    if (pod !== undefined && textAt(bound, 'spec', 'serviceAccountName') !== account)
      throw new Refusal(422, 'Invalid', 'cannot bind token to a Pod running with a different ServiceAccount')
    const token = randomUUID()
    this.#minted.set(token, {
      user: `system:serviceaccount:${namespace}:${account}`,
      node: textAt(bound, 'spec', 'nodeName'),
      audiences: listAt(body, 'spec', 'audiences'),
    })
    return { ...body, metadata: { name: account, namespace }, status: { token } }
  }

  #review(body: JsonRecord): JsonRecord {
    const minted = this.#minted.get(textAt(body, 'spec', 'token') ?? '')
    const audiences = listAt(body, 'spec', 'audiences').filter(each => minted?.audiences.includes(each))
    if (!minted || audiences.length === 0) return { ...body, status: { user: {}, error: 'invalid token' } }
    const extra = minted.node !== undefined && {
      extra: { 'authentication.kubernetes.io/node-name': [minted.node] },
    }
    const user = { username: minted.user, ...extra }
    return { ...body, status: { authenticated: true, audiences, user } }
  }
}
