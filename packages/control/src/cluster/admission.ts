import { ERRORS, type Problem, textAt } from '@sekisho/core'
import {
  type DefinedApplications,
  EXTERNAL_WORKLOAD,
  type NotEnforced,
  notEnforcedHere,
  validateExternalWorkload,
  validatePolicy,
} from '@sekisho/policy'
import { notEnforcedText } from '@sekisho/policy/not-enforced'
import { type AdmissionAnswer, answerReview, readReview, type Verdict } from './review.ts'

/** Kinds that are ours to refuse. Of others it is only said what they mean here. */
const OURS = 'sekisho.dev'

/** API servers show each warning on a line of its own, and cut long ones. */
const WARNINGS = 16
const WARNING_CHARACTERS = 120
const REFUSAL_CHARACTERS = 4_000

const warning = (each: NotEnforced): string => `${each.rule ?? each.policy} ${notEnforcedText(each, 'en')}`

const sentence = ({ path, reason }: Problem): string => (path === '' ? reason : `${path}: ${reason}`)

/**
 * What is said of an object before the API server stores it: our own kinds are refused with the sentences of the command
 * line, whatever else the schema takes. Others are never refused, only warned of.
 * @returns undefined for what is no review of version 1.
 */
export function reviewAdmission(
  json: unknown,
  applications: DefinedApplications,
): AdmissionAnswer | undefined {
  const review = readReview(json)
  if (!review) return undefined
  const { object, kind } = review.request
  const answer = (verdict: Verdict) => answerReview(review, verdict)
  // A deletion has none.
  if (!object) return answer({ allowed: true })
  const isExternal = textAt(object, 'kind') === EXTERNAL_WORKLOAD
  const policy = isExternal ? undefined : validatePolicy(object, { applications })
  const read = policy ?? validateExternalWorkload(object)
  if (read.ok) {
    const warnings = policy?.ok ? notEnforcedHere(policy.value).map(warning) : []
    return answer({ allowed: true, ...(warnings.length > 0 && { warnings: cut(warnings) }) })
  }
  const mistakes = read.error.map(sentence)
  if (textAt(kind, 'group') !== OURS)
    return answer({
      allowed: true,
      warnings: cut(mistakes.map(each => `Sekisho will not enforce it: ${each}`)),
    })
  const message = `${ERRORS['policy-refused'].text} ${mistakes.join('; ')}`.slice(0, REFUSAL_CHARACTERS)
  return answer({ allowed: false, status: { code: 422, reason: 'Invalid', message } })
}

const cut = (warnings: readonly string[]): readonly string[] =>
  [...new Set(warnings)].slice(0, WARNINGS).map(text => text.slice(0, WARNING_CHARACTERS))
