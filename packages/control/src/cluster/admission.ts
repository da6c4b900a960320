import { ERRORS, isRecord, type Problem } from '@sekisho/core'
import { type DefinedApplications, type NotEnforced, notEnforcedHere, validatePolicy } from '@sekisho/policy'
import { notEnforcedText } from '@sekisho/policy/not-enforced'

/** Kinds that are ours to refuse. Of others it is only said what they mean here. */
const OURS = 'sekisho.dev'

interface Request {
  readonly uid: string
  readonly group: string
  /** Absent for a deletion. */
  readonly object: unknown
}

/** AdmissionReview of admission.k8s.io/v1, as the API server reads it back. */
export interface AdmissionAnswer {
  readonly apiVersion: 'admission.k8s.io/v1'
  readonly kind: 'AdmissionReview'
  readonly response: {
    readonly uid: string
    readonly allowed: boolean
    readonly warnings?: readonly string[]
    readonly status?: { readonly code: number; readonly reason: string; readonly message: string }
  }
}

function readRequest(json: unknown): Request | undefined {
  const request = isRecord(json) && json.apiVersion === 'admission.k8s.io/v1' ? json.request : undefined
  if (!isRecord(request) || typeof request.uid !== 'string' || request.uid === '') return undefined
  const group = isRecord(request.kind) && typeof request.kind.group === 'string' ? request.kind.group : ''
  return { uid: request.uid, group, object: request.object ?? undefined }
}

/** API servers show each warning on a line of its own, and cut long ones. */
const WARNINGS = 16
const WARNING_CHARACTERS = 120
const REFUSAL_CHARACTERS = 4_000

const warning = (each: NotEnforced): string => `${each.rule ?? each.policy} ${notEnforcedText(each, 'en')}`

const sentence = ({ path, reason }: Problem): string => (path === '' ? reason : `${path}: ${reason}`)

/**
 * What is said of an object before the API server stores it: our own kinds are refused with the sentences of the command
 * line, whatever else the schema takes. Others are never refused, only warned of.
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
 * @returns undefined for what is no review of version 1.
 */
export function reviewAdmission(
  json: unknown,
  applications: DefinedApplications,
): AdmissionAnswer | undefined {
  const request = readRequest(json)
  if (!request) return undefined
  const answer = (response: Omit<AdmissionAnswer['response'], 'uid'>): AdmissionAnswer => ({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: request.uid, ...response },
  })
  if (request.object === undefined) return answer({ allowed: true })
  const read = validatePolicy(request.object, { applications })
  if (read.ok) {
    const warnings = notEnforcedHere(read.value).map(warning)
    return answer({ allowed: true, ...(warnings.length > 0 && { warnings: cut(warnings) }) })
  }
  const mistakes = read.error.map(sentence)
  if (request.group !== OURS)
    return answer({
      allowed: true,
      warnings: cut(mistakes.map(each => `Sekisho will not enforce it: ${each}`)),
    })
  const message = `${ERRORS['policy-refused'].text} ${mistakes.join('; ')}`.slice(0, REFUSAL_CHARACTERS)
  return answer({ allowed: false, status: { code: 422, reason: 'Invalid', message } })
}

const cut = (warnings: readonly string[]): readonly string[] =>
  [...new Set(warnings)].slice(0, WARNINGS).map(text => text.slice(0, WARNING_CHARACTERS))
