import { isRecord, type JsonRecord, textAt, valueAt } from '@sekisho/core'

/** What the API server asks before it stores something. */
export interface Review {
  readonly uid: string
  readonly request: JsonRecord
}

/** What it is told. */
export interface Verdict {
  readonly allowed: boolean
  readonly warnings?: readonly string[]
  readonly status?: { readonly code: number; readonly reason: string; readonly message: string }
  /** For the API server's own audit log. */
  readonly auditAnnotations?: Readonly<Record<string, string>>
}

/** AdmissionReview of admission.k8s.io/v1, as the API server reads it back. */
export interface AdmissionAnswer {
  readonly apiVersion: 'admission.k8s.io/v1'
  readonly kind: 'AdmissionReview'
  readonly response: Verdict & { readonly uid: string }
}

/**
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
 * @returns undefined for what is no review of version 1.
 */
export function readReview(json: unknown): Review | undefined {
  const request = valueAt(json, 'request')
  const uid = textAt(request, 'uid')
  if (textAt(json, 'apiVersion') !== 'admission.k8s.io/v1' || !isRecord(request) || !uid) return undefined
  return { uid, request }
}

export const answerReview = ({ uid }: Review, verdict: Verdict): AdmissionAnswer => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid, ...verdict },
})
