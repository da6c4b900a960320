import {
  FIREWALL,
  isWeakened,
  type JsonRecord,
  type ProtectionWord,
  protectionWord,
  textAt,
  textsAt,
  valueAt,
} from '@sekisho/core'
import type { Deed, Requester } from '@sekisho/kube'
import { type AdmissionAnswer, answerReview, readReview, type Verdict } from './review.ts'

interface Guarded {
  readonly name: string
  /** Where its objects say it: of themselves, or of the pods that they make. */
  readonly metadata: readonly string[]
  readonly groups: readonly string[]
  /** Through a status, metadata can be written as well: of pods and namespaces, which say it of themselves. */
  readonly resources: readonly string[]
}

/** Whose word about protection is guarded. */
export const GUARDED: readonly Guarded[] = [
  {
    name: 'protection.sekisho.dev',
    metadata: ['metadata'],
    groups: ['', 'sekisho.dev'],
    resources: [
      'pods',
      'pods/status',
      'namespaces',
      'namespaces/status',
      'namespaces/finalize',
      'externalworkloads',
    ],
  },
  {
    name: 'templates.protection.sekisho.dev',
    metadata: ['spec', 'template', 'metadata'],
    groups: ['', 'apps', 'batch'],
    resources: ['replicationcontrollers', 'deployments', 'replicasets', 'statefulsets', 'daemonsets', 'jobs'],
  },
  {
    name: 'schedules.protection.sekisho.dev',
    metadata: ['spec', 'jobTemplate', 'spec', 'template', 'metadata'],
    groups: ['batch'],
    resources: ['cronjobs'],
  },
]

/** What decides whether somebody may. */
export interface GuardPort {
  /** What is said around all namespaces. */
  readonly firewall: ProtectionWord | undefined
  wordOf(namespace: string): ProtectionWord | undefined
  may(who: Requester, deed: Deed): Promise<boolean>
}

/** One object whose word changes. */
interface Change {
  /** As people name it. */
  readonly what: string
  readonly name: string
  /** Absent for a namespace: what it says is decided by who governs the cluster. */
  readonly namespace: string | undefined
  readonly before: ProtectionWord | undefined
  readonly after: ProtectionWord | undefined
}

const wordAt = (object: unknown, path: readonly string[]): ProtectionWord | undefined =>
  protectionWord({
    annotations: textsAt(object, ...path, 'annotations'),
    labels: textsAt(object, ...path, 'labels'),
  })

function changeOf(request: JsonRecord): Change | undefined {
  const resource = textAt(request, 'resource', 'resource') ?? ''
  const path = GUARDED.find(({ resources }) => resources.includes(resource))?.metadata
  if (!path || textAt(request, 'operation') !== 'UPDATE') return undefined
  const name = textAt(request, 'name') ?? ''
  const namespace = resource === 'namespaces' ? undefined : textAt(request, 'namespace')
  const kind = textAt(request, 'kind', 'kind') ?? resource
  return {
    what: `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`,
    name,
    namespace,
    before: wordAt(request.oldObject, path),
    after: wordAt(request.object, path),
  }
}

function requesterOf(request: JsonRecord): Requester {
  const info = valueAt(request, 'userInfo')
  const uid = textAt(info, 'uid')
  const texts = (value: unknown) =>
    Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : []
  const extra = Object.entries(valueAt(info, 'extra') ?? {}).map(([key, value]) => [key, texts(value)])
  return {
    user: textAt(info, 'username') ?? '',
    ...(uid && { uid }),
    groups: texts(valueAt(info, 'groups')),
    extra: Object.fromEntries(extra),
  }
}

const said = (word: ProtectionWord | undefined): string => (word === undefined ? 'nothing' : `"${word}"`)

async function judge(request: JsonRecord, { firewall, wordOf, may }: GuardPort): Promise<Verdict> {
  const change = changeOf(request)
  if (!change) return { allowed: true }
  const { what, name, namespace, before, after } = change
  const around = namespace === undefined ? [firewall] : [firewall, wordOf(namespace)]
  if (!isWeakened(around, before, after)) return { allowed: true }
  const who = requesterOf(request)
  const deed = {
    verb: 'unprotect',
    group: 'sekisho.dev',
    resource: 'protections',
    name,
    ...(namespace !== undefined && { namespace }),
  }
  const auditAnnotations = { weakened: `${said(before)} to ${said(after)}` }
  if (await may(who, deed)) return { allowed: true, auditAnnotations }
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`
  const message =
    `${what} is protected, and ${FIREWALL} would say ${said(after)} in place of ${said(before)}: user "${who.user}" ` +
    `cannot unprotect resource "protections" in API group "sekisho.dev" ${where}`
  return { allowed: false, status: { code: 403, reason: 'Forbidden', message }, auditAnnotations }
}

/**
 * What is said of an object that takes back protection: who may has the verb `unprotect`, by RBAC or whatever authorizes
 * in the cluster. So administrators always may, and nobody needs this server to recover.
 * @returns undefined for what is no review of version 1.
 * @throws where the cluster does not say whether somebody may; the API server then does as the webhook's failurePolicy says.
 */
export async function reviewProtection(json: unknown, port: GuardPort): Promise<AdmissionAnswer | undefined> {
  const review = readReview(json)
  return review && answerReview(review, await judge(review.request, port))
}

/** CEL: the words are others than before. https://kubernetes.io/docs/reference/using-api/cel/#cel-community-libraries */
export function isOtherWord(metadata: readonly string[]): string {
  const at = (object: string, kind: string) => `${object}.?${metadata.join('.?')}.?${kind}[?'${FIREWALL}']`
  const differs = (kind: string) => `${at('object', kind)} != ${at('oldObject', kind)}`
  return `${differs('annotations')} || ${differs('labels')}`
}
