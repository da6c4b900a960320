import { isRecord, type Problem, policyId, textAt } from '@sekisho/core'
import { type Model, type PolicyDocument, validatePolicy } from '@sekisho/policy'
import type { Store, StoredPolicy } from '@sekisho/store'
import { isOwn, isResponder, KIND } from './policy.ts'

/** What servers tell each other of what responses put in force: by name of the policy, the policy as JSON. */
export type SharedText = Readonly<Record<string, string>>

/** Policies that responses made, and that nobody has made their own. */
export const responsesIn = (
  { policies }: Pick<Model, 'policies'>,
  stored: Pick<Store['policies'], 'get'>,
): readonly StoredPolicy[] =>
  [...policies.keys()].filter(isOwn).flatMap(id => {
    const policy = stored.get(id)
    return policy && isResponder(policy.updatedBy) ? [policy] : []
  })

export const writeShared = (responses: readonly StoredPolicy[]): SharedText =>
  Object.fromEntries(
    responses.map(({ document }) => [textAt(document, 'metadata', 'name') ?? '', JSON.stringify(document)]),
  )

/** Who writes to the place where servers share them must not be able to open anything by it. */
const opensNothing = ({ sections }: PolicyDocument): boolean =>
  Object.values(sections).every(({ rules }) => rules.every(({ action }) => action !== 'Allow'))

function readOne(name: string, text: unknown): PolicyDocument | string {
  let json: unknown
  try {
    json = JSON.parse(String(text))
  } catch {
    return `${name}: it is no JSON`
  }
  const read = validatePolicy(json)
  if (!read.ok) return `${name}: ${reasonOf(read.error)}`
  const document = read.value
  if (document.id !== policyId(KIND, '', name) || !isOwn(document.id) || !opensNothing(document))
    return `${name}: it is no response`
  return document
}

const reasonOf = ([first]: readonly Problem[]): string => `${first?.path ?? ''} ${first?.reason ?? ''}`.trim()

/** What was shared, as far as it can be read, and why the rest cannot. */
export function readShared(data: unknown): {
  readonly documents: readonly PolicyDocument[]
  readonly refused: readonly string[]
} {
  const read = Object.entries(isRecord(data) ? data : {}).map(([name, text]) => readOne(name, text))
  return {
    documents: read.filter(each => typeof each !== 'string'),
    refused: read.filter(each => typeof each === 'string'),
  }
}
