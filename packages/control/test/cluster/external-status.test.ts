import type { EpochMs, Problem } from '@sekisho/core'
import { expect, test } from 'vitest'
import { type ExternalFacts, externalStatus } from '../../src/cluster/external-status.ts'
import { workload } from './workloads.ts'

const NOW = Date.parse('2026-05-01T12:00:00Z') as EpochMs
const machine = (node: string) => workload('shop/db', ['10.20.0.7'], { kind: 'external', node })
const WRONG: readonly Problem[] = [{ document: 0, path: 'spec.node', reason: 'must be a string' }]

const FACTS: ExternalFacts = {
  generation: 3,
  problems: [],
  workload: machine('vm-1'),
  conflicts: [],
  agent: { isHeard: true, revision: 7 },
  policies: [5, 7],
}

const said = (facts: Partial<ExternalFacts>) =>
  Object.fromEntries(
    externalStatus({ ...FACTS, ...facts }, [], NOW).conditions.map(({ type, status, reason }) => [
      type,
      `${status} ${reason}`,
    ]),
  )

const READY = {
  Accepted: 'True Valid',
  Conflicted: 'False NoConflict',
  Connected: 'True Heard',
  Programmed: 'True Programmed',
  Ready: 'True Ready',
}

test.each<[string, Partial<ExternalFacts>, Readonly<Record<string, string>>]>([
  ['all is well', {}, {}],
  [
    'a mistake',
    { problems: WRONG, workload: undefined, agent: undefined, policies: [] },
    {
      Accepted: 'False Invalid',
      Connected: 'False NoAgent',
      Programmed: 'False NoAgent',
      Ready: 'False Invalid',
    },
  ],
  [
    'an address of another',
    { conflicts: ['10.0.0.1 is of pod shop/web'] },
    {
      Conflicted: 'True Taken',
      Ready: 'False Taken',
    },
  ],
  [
    'no agent is meant',
    { workload: machine(''), agent: undefined },
    { Connected: 'False NoAgent', Programmed: 'False NoAgent' },
  ],
  [
    'its agent never joined',
    { agent: undefined },
    { Connected: 'False NotJoined', Programmed: 'False PoliciesMissing', Ready: 'False NotJoined' },
  ],
  [
    'its agent is silent',
    { agent: { isHeard: false, revision: 7 } },
    { Connected: 'False Silent', Ready: 'False Silent' },
  ],
  [
    'its agent lags behind',
    { agent: { isHeard: true, revision: 6 } },
    { Programmed: 'False PoliciesMissing', Ready: 'False PoliciesMissing' },
  ],
])('%s', (_, facts, expected) => {
  expect(said(facts)).toEqual({ ...READY, ...expected })
})

test('what is wrong is said in words, with its place', () => {
  const { conditions } = externalStatus(
    { ...FACTS, problems: WRONG, conflicts: ['10.0.0.1 is of pod shop/web'] },
    [],
    NOW,
  )
  expect(conditions.map(({ message }) => message).slice(0, 2)).toEqual([
    'Refused whole: spec.node: must be a string. The version before it stays in force.',
    'Left out, since it is another’s: 10.0.0.1 is of pod shop/web.',
  ])
})
