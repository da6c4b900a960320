import type { Problem } from '@sekisho/core'
import { type NotEnforced, notEnforcedHere, parsePolicies } from '@sekisho/policy'

export interface ValidateRequest {
  readonly id: number
  readonly yaml: string
}
export interface Verdict {
  readonly problems: readonly Problem[]
  /** Ids of the documents, empty when anything is wrong: policies are refused whole. */
  readonly policies: readonly string[]
  /** What of them no agent enforces yet. */
  readonly notEnforced: readonly NotEnforced[]
}
export interface ValidateResponse extends Verdict {
  readonly id: number
}

/**
 * The server's own parser, off the main thread: what it says here is what the server would say, but for names of
 * applications, whose definitions the server knows.
 */
function validate(yaml: string): Verdict {
  const parsed = parsePolicies(yaml, { applications: 'any' })
  if (!parsed.ok) return { problems: parsed.error, policies: [], notEnforced: [] }
  return {
    problems: [],
    policies: parsed.value.map(document => document.id),
    // Which agents read conversations only the server knows; it tells when the policy is applied.
    notEnforced: parsed.value.flatMap(document => notEnforcedHere(document)),
  }
}

addEventListener('message', ({ data: { id, yaml } }: MessageEvent<ValidateRequest>) => {
  postMessage({ id, ...validate(yaml) } satisfies ValidateResponse)
})
