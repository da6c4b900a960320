import { LIMITS, type Problem } from '@sekisho/core'
import type { Path, Spot } from '../documents/spot.ts'
import type { Located } from '../manifests/located.ts'
import type { Expectation } from './expectation.ts'
import { parseEnd, parsePort, parseSentence } from './sentence.ts'

/** Expectations beside the policies: `kind: PolicyTest` of our own API group. */
export const POLICY_TEST = { apiVersion: 'sekisho.dev/v1alpha1', kind: 'PolicyTest' } as const

export const isPolicyTest = ({ kind }: Located): boolean => kind === POLICY_TEST.kind

/** The value of a part, or a finding where it stands. */
function part<T>(spot: Spot, parse: (text: string) => { ok: true; value: T } | { ok: false; error: string }) {
  const text = typeof spot.value === 'number' ? String(spot.value) : spot.text()
  const read = text === undefined ? undefined : parse(text)
  if (read && !read.ok) spot.refuse(read.error)
  return read?.ok ? { text, value: read.value } : undefined
}

function readFields(spot: Spot): Expectation | undefined {
  if (!spot.fields(['from', 'to', 'port', 'verdict'])) return undefined
  const from = part(spot.at('from'), parseEnd)
  const to = part(spot.at('to'), parseEnd)
  const port = spot.at('port').absent ? undefined : part(spot.at('port'), parsePort)
  const verdict = spot.at('verdict').oneOf(['allow', 'deny'])
  if (!from || !to || verdict === undefined) return undefined
  const text = `from ${from.text} to ${to.text}${port ? `:${port.text}` : ''} ${verdict}`
  return { text, from: from.value, to: to.value, ...port?.value, verdict }
}

const readItem = (spot: Spot): Expectation | undefined =>
  typeof spot.value === 'string' ? part(spot, parseSentence)?.value : readFields(spot)

/** Reads PolicyTest objects; each expectation knows its place. */
export function readExpectations(located: readonly Located[]): {
  readonly expectations: readonly Expectation[]
  readonly problems: readonly Problem[]
} {
  const problems: Problem[] = []
  const expectations = located.filter(isPolicyTest).flatMap(each => {
    const { root } = each
    root.fields(['apiVersion', 'kind', 'metadata', 'expect'])
    if (each.apiVersion !== POLICY_TEST.apiVersion)
      root.at('apiVersion').refuse(`must be ${POLICY_TEST.apiVersion} for kind ${POLICY_TEST.kind}`)
    const items = root.at('expect').list(LIMITS.rulesPerPolicy.value)
    if (items.length === 0) root.at('expect').refuse('must hold at least one expectation')
    const read = items.flatMap((item, index) => {
      const expectation = readItem(item)
      const path: Path = ['expect', index]
      return expectation ? [{ ...expectation, place: each.place(path) }] : []
    })
    problems.push(...each.problems())
    return read
  })
  return { expectations, problems }
}
