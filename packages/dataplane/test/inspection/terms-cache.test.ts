import { LIMITS, policyId, ruleId } from '@sekisho/core'
import type { FlowFacts, Residual } from '@sekisho/policy'
import { describe, expect, test } from 'vitest'
import type { TermsData } from '../../src/inspection/inspection.protocol.ts'
import type { ConversationEnds } from '../../src/inspection/inspector.ts'
import { TermsCache, termsKey } from '../../src/inspection/terms-cache.ts'
import { command, ENDS, settled } from './scripted.ts'

const TERMS: TermsData = { residual: settled('allow'), facts: { names: ['shop.example'] }, onFailure: 'open' }
const DENYING: TermsData = { residual: settled('deny'), facts: {}, onFailure: 'closed' }

function cache() {
  const asked: [string, ConversationEnds][] = []
  return { terms: new TermsCache((key, ends) => asked.push([key, ends])), asked }
}

test('what is not known is asked for once, and then answered from memory', () => {
  const { terms, asked } = cache()
  expect(terms.isWaiting).toBe(false)
  expect(terms.of(ENDS)).toBeUndefined()
  expect(terms.of(ENDS)).toBeUndefined()
  expect(asked).toEqual([[termsKey(ENDS), ENDS]])
  expect(terms.isWaiting).toBe(true)
  terms.set(termsKey(ENDS), TERMS)
  expect(terms.isWaiting).toBe(false)
  expect(terms.of(ENDS)).toMatchObject({ facts: TERMS.facts, onFailure: 'open' })
  expect(terms.of(ENDS)?.ask({}).enforced.verdict).toBe('allow')
  expect(asked).toHaveLength(1)
})

test.each<[string, Partial<ConversationEnds>, boolean]>([
  ['the client’s port matters to no policy', { clientPort: 40_001 }, true],
  ['another client', { client: '192.0.2.3' }, false],
  ['another server', { server: '192.0.2.3' }, false],
  ['another port', { port: 81 }, false],
  ['another protocol', { protocol: 'UDP' }, false],
])('%s', (_what, other, isSame) => {
  const { terms } = cache()
  terms.of(ENDS)
  terms.set(termsKey(ENDS), TERMS)
  expect(terms.of({ ...ENDS, ...other }) !== undefined).toBe(isSame)
})

test('after a change everything is asked for again, and an answer to an older question is not taken', () => {
  const { terms, asked } = cache()
  terms.of(ENDS)
  terms.set(termsKey(ENDS), TERMS)
  const other = { ...ENDS, port: 81 }
  terms.of(other)
  terms.clear()
  expect(terms.isWaiting).toBe(false)
  terms.set(termsKey(other), TERMS)
  expect(terms.of(other)).toBeUndefined()
  expect(terms.of(ENDS)).toBeUndefined()
  expect(asked.map(([key]) => key)).toEqual([ENDS, other, other, ENDS].map(termsKey))
})

test('other names of a server make its terms be asked for again, and those of no other', () => {
  const { terms, asked } = cache()
  const other = { ...ENDS, server: '192.0.2.3' }
  const unanswered = { ...ENDS, port: 81 }
  for (const ends of [ENDS, other]) {
    terms.of(ends)
    terms.set(termsKey(ends), TERMS)
  }
  terms.of(unanswered)
  terms.forget(new Set([ENDS.server]))
  terms.set(termsKey(unanswered), TERMS)
  expect([terms.of(ENDS), terms.of(unanswered)]).toEqual([undefined, undefined])
  expect(terms.of(other)).toBeDefined()
  expect(asked.map(([key]) => key)).toEqual([ENDS, other, unanswered, ENDS, unanswered].map(termsKey))
})

test('an answer that nobody asked for changes nothing', () => {
  const { terms } = cache()
  terms.of(ENDS)
  terms.set(termsKey(ENDS), TERMS)
  terms.set(termsKey(ENDS), DENYING)
  expect(terms.of(ENDS)?.ask({}).enforced.verdict).toBe('allow')
})

test('the oldest give way', () => {
  const { terms } = cache()
  const learn = (clientNumber: number): ConversationEnds => {
    const ends = { ...ENDS, client: `c${clientNumber}` }
    terms.of(ends)
    terms.set(termsKey(ends), TERMS)
    return ends
  }
  const all = Array.from({ length: LIMITS.inspectionTerms.value + 1 }, (_, at) => learn(at))
  const [first, second] = all
  expect(first && terms.of(first)).toBeUndefined()
  expect(second && terms.of(second)).toBeDefined()
})

describe('what is asked again', () => {
  const names = ['shop.example']
  const rule = {
    id: ruleId(policyId('SecurityPolicy', 'shop', 'api'), 'egress', 0),
    action: 'allow',
    answer: { verdict: 'allow', why: 'rule-allow' },
    onFailure: 'closed',
    onDeny: 'drop',
    names,
    applications: ['redis'],
    l7: [{ kind: 'redis', commands: ['GET'] }],
  } as const
  const egress: Residual['enforce']['egress'] = {
    kind: 'open',
    stages: [{ kind: 'allow', rules: [rule], closing: { verdict: 'deny', why: 'isolated' } }],
  }
  const allowed = settled('allow').enforce
  const verdicts = (questions: readonly FlowFacts[]) => {
    const { terms } = cache()
    terms.of(ENDS)
    terms.set(termsKey(ENDS), {
      residual: { protocol: 'TCP', enforce: { ...allowed, egress } },
      facts: { names },
      onFailure: 'closed',
    })
    const { ask } = terms.of(ENDS) ?? {}
    return questions.map(facts => {
      const { verdict, inspect } = ask?.(facts).enforced ?? {}
      return inspect ? 'open' : verdict
    })
  }

  test('is answered as before: for what is spoken, for each request, for other names', () => {
    const redis = { names, application: 'redis' } as const
    const questions: readonly FlowFacts[] = [
      { names },
      { names, application: 'http' },
      redis,
      { ...redis, request: command('GET') },
      { ...redis, request: command('DEL') },
      { ...redis, names: ['other.example'] },
      redis,
    ]
    const answers = ['open', 'deny', 'open', 'allow', 'deny', 'deny', 'open']
    expect(verdicts([...questions, ...questions])).toEqual([...answers, ...answers])
  })
})
