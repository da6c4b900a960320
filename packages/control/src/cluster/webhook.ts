import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { ERRORS, LIMITS, NAME_LABEL, SekishoError } from '@sekisho/core'
import { OWN_LABELS, VALIDATING_WEBHOOKS } from '@sekisho/kube'
import { definedBy } from '@sekisho/policy'
import { parseJson, readBody } from '../agents/body.ts'
import type { LiveState } from '../lifecycle/state.ts'
import { reviewAdmission } from './admission.ts'
import { GUARDED, type GuardPort, isOtherWord, reviewProtection } from './guard.ts'
import type { OwnObject } from './keep.ts'
import type { AdmissionAnswer } from './review.ts'

const POLICIES_PATH = '/admission/v1/policies'
const PROTECTION_PATH = '/admission/v1/protection'

/** Who takes back protection is asked whether they may. */
export interface Guarding {
  /** Namespaces of which nobody is asked. */
  readonly exempt: readonly string[]
}

/** How the API server reaches the webhook. */
export type WebhookPlace =
  | { readonly kind: 'service'; readonly namespace: string; readonly name: string; readonly port: number }
  /** Of a server outside the cluster. */
  | { readonly kind: 'url'; readonly url: URL }

/** Names under which the API server looks for the webhook, for its certificate. */
export const webhookHosts = (place: WebhookPlace): readonly string[] =>
  place.kind === 'url' ? [place.url.hostname] : [`${place.name}.${place.namespace}.svc`]

interface Reviewers {
  readonly state: Pick<LiveState, 'model'>
  readonly guard: GuardPort
  readonly onFailure: (error: unknown) => void
}

async function review(
  path: string | undefined,
  json: unknown,
  { state, guard }: Reviewers,
): Promise<AdmissionAnswer | undefined> {
  switch (path) {
    case POLICIES_PATH:
      return reviewAdmission(json, definedBy(state.model.policies.values()))
    case PROTECTION_PATH:
      return reviewProtection(json, guard)
    default:
      throw new SekishoError('not-found')
  }
}

async function answer(request: IncomingMessage, reviewers: Reviewers): Promise<object> {
  if (request.method !== 'POST') throw new SekishoError('not-found')
  const json = parseJson(await readBody(request, LIMITS.requestBytes.value))
  const answered = await review(request.url?.split('?')[0], json, reviewers)
  if (!answered) throw new SekishoError('bad-request', 'not an AdmissionReview of admission.k8s.io/v1')
  return answered
}

/**
 * For an HTTPS server. Whoever asks learns what is wrong with a document, what its namespace says of protection, and whether
 * somebody may take it back; nothing else of the installation.
 */
export function admissionListener(reviewers: Reviewers): RequestListener {
  const send = (response: ServerResponse, status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  return (request, response) =>
    void answer(request, reviewers).then(
      review => send(response, 200, review),
      (error: unknown) => {
        const code = error instanceof SekishoError ? error.code : 'internal'
        if (code === 'internal') reviewers.onFailure(error)
        send(response, ERRORS[code].status, { error: ERRORS[code].text })
      },
    )
}

const rule = (apiGroups: readonly string[], resources: readonly string[]) => ({
  apiGroups,
  apiVersions: ['*'],
  operations: ['CREATE', 'UPDATE'],
  resources,
  scope: '*',
})

/**
 * What all have in common. While the server is away everything is let through: nobody is locked out of their own cluster,
 * and a document that cannot be read changes nothing that is in force.
 */
const MANNERS = {
  admissionReviewVersions: ['v1'],
  failurePolicy: 'Ignore',
  matchPolicy: 'Equivalent',
  sideEffects: 'None',
  timeoutSeconds: 5,
}

/** Asked only where the word is another than before: of all changes of pods hardly one. */
const guards = ({ exempt }: Guarding, clientConfig: (path: string) => object) =>
  GUARDED.map(({ name, metadata, groups, resources }) => ({
    ...MANNERS,
    name,
    clientConfig: clientConfig(PROTECTION_PATH),
    rules: [{ ...rule(groups, resources), operations: ['UPDATE'] }],
    matchConditions: [{ name: 'other-word', expression: isOtherWord(metadata) }],
    namespaceSelector: {
      matchExpressions: [{ key: NAME_LABEL, operator: 'NotIn', values: exempt }],
    },
  }))

export interface WebhookOptions {
  readonly place: WebhookPlace
  /** PEM of whoever signed the webhook's certificate. */
  readonly authority: string
  /** Absent: protection is whoever's who may change its objects. */
  readonly guarding?: Guarding | undefined
}

/** https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/validating-webhook-configuration-v1/ */
function webhookConfiguration({ place, authority, guarding }: WebhookOptions) {
  const caBundle = Buffer.from(authority).toString('base64')
  const clientConfig = (path: string) =>
    place.kind === 'url'
      ? { url: new URL(path, place.url).href, caBundle }
      : { service: { namespace: place.namespace, name: place.name, port: place.port, path }, caBundle }
  return {
    metadata: { labels: OWN_LABELS },
    webhooks: [
      {
        ...MANNERS,
        name: 'policies.sekisho.dev',
        clientConfig: clientConfig(POLICIES_PATH),
        rules: [
          rule(['sekisho.dev'], ['*']),
          rule(['networking.k8s.io'], ['networkpolicies']),
          // Where the cluster has none, the API server never asks.
          rule(['policy.networking.k8s.io'], ['clusternetworkpolicies']),
        ],
      },
      ...(guarding ? guards(guarding, clientConfig) : []),
    ],
  }
}

export const registeredWebhook = (options: WebhookOptions): OwnObject => ({
  trouble: 'the webhook cannot be registered',
  type: VALIDATING_WEBHOOKS,
  place: { name: 'sekisho' },
  content: webhookConfiguration(options),
})
