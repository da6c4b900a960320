import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { ERRORS, LIMITS, SekishoError } from '@sekisho/core'
import { VALIDATING_WEBHOOKS } from '@sekisho/kube'
import { definedBy } from '@sekisho/policy'
import { parseJson, readBody } from '../agents/body.ts'
import type { LiveState } from '../lifecycle/state.ts'
import { reviewAdmission } from './admission.ts'
import type { OwnObject } from './keep.ts'

export const ADMISSION_PATH = '/admission/v1/policies'

/** How the API server reaches the webhook. */
export type WebhookPlace =
  | { readonly kind: 'service'; readonly namespace: string; readonly name: string; readonly port: number }
  /** Of a server outside the cluster. */
  | { readonly kind: 'url'; readonly url: URL }

/** Names under which the API server looks for the webhook, for its certificate. */
export const webhookHosts = (place: WebhookPlace): readonly string[] =>
  place.kind === 'url' ? [place.url.hostname] : [`${place.name}.${place.namespace}.svc`]

async function answer(request: IncomingMessage, state: Pick<LiveState, 'model'>): Promise<object> {
  if (request.method !== 'POST' || request.url?.split('?')[0] !== ADMISSION_PATH)
    throw new SekishoError('not-found')
  const json = parseJson(await readBody(request, LIMITS.requestBytes.value))
  const review = reviewAdmission(json, definedBy(state.model.policies.values()))
  if (!review) throw new SekishoError('bad-request', 'not an AdmissionReview of admission.k8s.io/v1')
  return review
}

/** For an HTTPS server. Whoever asks learns what is wrong with a document, and nothing of the installation. */
export function admissionListener(
  state: Pick<LiveState, 'model'>,
  onFailure: (error: unknown) => void,
): RequestListener {
  const send = (response: ServerResponse, status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  return (request, response) =>
    void answer(request, state).then(
      review => send(response, 200, review),
      (error: unknown) => {
        const code = error instanceof SekishoError ? error.code : 'internal'
        if (code === 'internal') onFailure(error)
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
 * https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/validating-webhook-configuration-v1/
 * While the server is away everything is let through: nobody is locked out of their own cluster, and a document that
 * cannot be read changes nothing that is in force.
 * @param authority PEM of whoever signed the webhook's certificate.
 */
function webhookConfiguration(place: WebhookPlace, authority: string) {
  const reached =
    place.kind === 'url'
      ? { url: new URL(ADMISSION_PATH, place.url).href }
      : { service: { namespace: place.namespace, name: place.name, port: place.port, path: ADMISSION_PATH } }
  return {
    metadata: { labels: { 'app.kubernetes.io/part-of': 'sekisho' } },
    webhooks: [
      {
        name: 'policies.sekisho.dev',
        admissionReviewVersions: ['v1'],
        clientConfig: { ...reached, caBundle: Buffer.from(authority).toString('base64') },
        rules: [rule(['sekisho.dev'], ['*']), rule(['networking.k8s.io'], ['networkpolicies'])],
        failurePolicy: 'Ignore',
        matchPolicy: 'Equivalent',
        sideEffects: 'None',
        timeoutSeconds: 5,
      },
    ],
  }
}

export const registeredWebhook = (place: WebhookPlace, authority: string): OwnObject => ({
  trouble: 'the webhook cannot be registered',
  type: VALIDATING_WEBHOOKS,
  place: { name: 'sekisho' },
  content: webhookConfiguration(place, authority),
})
