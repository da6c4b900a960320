import type { EpochMs, NodeName } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { type PolicyFacts, policyStatus } from '../../src/cluster/status.ts'

const NOW = Date.parse('2026-05-01T12:00:00.500Z') as EpochMs
const LATER = (NOW + 90_000) as EpochMs
const nodes = (...names: readonly string[]): ReadonlySet<NodeName> => new Set(names as readonly NodeName[])

const facts = (more: Partial<PolicyFacts> = {}): PolicyFacts => ({
  generation: 3,
  problems: [],
  keepsOlder: false,
  workloads: 2,
  rules: 4,
  deniedLastHour: 7,
  desired: nodes('a', 'b'),
  programmed: nodes('a', 'b', 'c'),
  ...more,
})
const conditions = (of: PolicyFacts) =>
  Object.fromEntries(
    policyStatus(of, [], NOW).conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  )
const mistake = { document: 0, path: 'spec.mode', reason: 'must be one of Learn, Audit, Enforce' }

describe('the status of a policy', () => {
  test('all is well', () => {
    expect(policyStatus(facts(), [], NOW)).toMatchObject({
      observedGeneration: 3,
      workloads: 2,
      rules: 4,
      deniedLastHour: 7,
      nodes: { desired: 2, programmed: 2 },
    })
    expect(conditions(facts())).toEqual({
      Accepted: 'True Valid',
      Programmed: 'True Programmed',
      Ready: 'True Ready',
    })
  })

  test.each<[string, Partial<PolicyFacts>, Readonly<Record<string, string>>]>([
    ['nothing selected', { desired: nodes() }, { Programmed: 'True NothingSelected', Ready: 'True Ready' }],
    [
      'a node behind',
      { programmed: nodes('a') },
      { Programmed: 'False NodesMissing', Ready: 'False NodesMissing' },
    ],
    [
      'a mistake',
      { problems: [mistake] },
      { Accepted: 'False Invalid', Programmed: 'False NotAccepted', Ready: 'False Invalid' },
    ],
    [
      'a mistake, and an older version',
      { problems: [mistake], keepsOlder: true },
      { Programmed: 'True Programmed' },
    ],
  ])('%s', (_, more, expected) => {
    expect(conditions(facts(more))).toMatchObject(expected)
  })

  test('what is missing is named, the first few of many', () => {
    const desired = nodes(...Array.from({ length: 9 }, (_, index) => `node-${index}`))
    const { conditions: all } = policyStatus(facts({ desired, programmed: nodes() }), [], NOW)
    expect(all[1]?.message).toBe('Not in the kernel of node-0, node-1, node-2, node-3, node-4 and 4 more.')
  })

  test('a mistake says where, and what stays in force', () => {
    const [accepted] = policyStatus(facts({ problems: [mistake], keepsOlder: true }), [], NOW).conditions
    expect(accepted?.message).toBe(
      'Refused whole: spec.mode: must be one of Learn, Audit, Enforce. The version before it stays in force.',
    )
  })

  test('a condition keeps its time until it changes', () => {
    const first = policyStatus(facts(), [], NOW)
    expect(first.conditions.map(each => each.lastTransitionTime)).toEqual(
      Array(3).fill('2026-05-01T12:00:00Z'),
    )
    expect(policyStatus(facts(), first.conditions, LATER)).toEqual(first)
    const second = policyStatus(facts({ programmed: nodes() }), first.conditions, LATER)
    expect(second.conditions.map(each => each.lastTransitionTime)).toEqual([
      '2026-05-01T12:00:00Z',
      '2026-05-01T12:01:30Z',
      '2026-05-01T12:01:30Z',
    ])
  })
})
