import { type EpochMs, LIMITS, type Workload, type WorkloadId } from '@sekisho/core'
import { createModel, type ResponseRuleDocument, validatePolicy } from '@sekisho/policy'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Finding } from '../../src/response/finding.ts'
import { deedKey, plan, type Scene } from '../../src/response/plan.ts'
import type { ActiveResponse } from '../../src/response/policy.ts'
import { at, pod } from '../insight/world.ts'

const NOW = at(3_600_000)

const names = Array.from({ length: 12 }, (_, index) => `app-${index}`)
const workloads: readonly Workload[] = [
  ...names.map((name, index) => pod(name, 'shop', { addresses: [`10.1.0.${index}`] })),
  pod('dns', 'kube-system', { addresses: ['10.1.1.1'] }),
  pod('free', 'shop', { protection: 'off', addresses: ['10.1.2.1'] }),
  pod('proxy', 'shop', { hostNetwork: true, addresses: ['192.168.0.1'] }),
]
const model = createModel()
model.update({ workloads: { set: workloads } })

const idOf = (name: string, space = 'shop') => `pod:${space}/${name}-1` as WorkloadId

function rule(spec: Readonly<Record<string, unknown>> = {}, name = 'contain'): ResponseRuleDocument {
  const read = validatePolicy({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: 'ResponseRule',
    metadata: { name },
    spec: {
      mode: 'Enforce',
      match: { findings: ['denied-attempts', 'port-scan'] },
      actions: [{ quarantine: {} }],
      ...spec,
    },
  })
  if (!read.ok || read.value.kind !== 'ResponseRule') throw new TypeError(JSON.stringify(read))
  return read.value
}

const finding = (name: string, more: Partial<Finding> = {}): Finding => ({
  kind: 'denied-attempts',
  severity: 'warning',
  offender: { kind: 'workload', id: idOf(name) },
  peer: '203.0.113.9',
  count: 1,
  first: at(3_590_000),
  last: at(3_595_000),
  ...more,
})

const scene = (findings: readonly Finding[], more: Partial<Scene> = {}): Scene => ({
  now: NOW,
  model,
  findings: () => findings,
  active: [],
  exempt: ['kube-system'],
  isNode: ip => ip === '192.168.0.1',
  settled: () => undefined,
  ...more,
})

const active = (name: string, more: Partial<ActiveResponse> = {}): ActiveResponse => ({
  policy: 'ClusterSecurityPolicy//response.x' as ActiveResponse['policy'],
  rule: 'contain',
  action: 'quarantine',
  target: idOf(name),
  since: at(0),
  until: at(3_700_000),
  why: '',
  ...more,
})

const outcome = (rules: readonly ResponseRuleDocument[], of: Scene) =>
  plan(rules, of).map(({ kind, action, target, peer }) =>
    [kind, action.kind, target.kind === 'workload' ? target.workload.name : target.ip, peer ?? '']
      .join(' ')
      .trim(),
  )

describe('a rule', () => {
  test.each<[string, readonly ResponseRuleDocument[], Scene, readonly string[]]>([
    ['acts on what it matches', [rule()], scene([finding('app-1')]), ['act quarantine app-1-1']],
    ['does nothing in Learn', [rule({ mode: 'Learn' })], scene([finding('app-1')]), []],
    [
      'only tells in Audit',
      [rule({ mode: 'Audit' })],
      scene([finding('app-1')]),
      ['audit quarantine app-1-1'],
    ],
    ['does not look at other kinds', [rule()], scene([finding('app-1', { kind: 'mining-pool' })]), []],
    [
      'does not look at what is less severe',
      [rule({ match: { findings: ['denied-attempts'], severity: 'critical' } })],
      scene([finding('app-1')]),
      [],
    ],
    [
      'counts together what is of one workload',
      [rule({ match: { findings: ['denied-attempts'], count: 5 } })],
      scene([
        finding('app-1', { count: 3 }),
        finding('app-1', { count: 2, peer: '203.0.113.10' }),
        finding('app-2', { count: 4 }),
      ]),
      ['act quarantine app-1-1'],
    ],
    [
      'selects workloads as a policy does',
      [
        rule({
          match: {
            findings: ['denied-attempts'],
            workloads: { podSelector: { matchLabels: { app: 'app-2' } } },
          },
        }),
      ],
      scene([finding('app-1'), finding('app-2')]),
      ['act quarantine app-2-1'],
    ],
    [
      'leaves exempt namespaces alone, its own and everybody’s',
      [rule({ exemptNamespaces: ['shop'] })],
      scene([
        finding('app-1'),
        finding('', { offender: { kind: 'workload', id: idOf('dns', 'kube-system') } }),
      ]),
      [],
    ],
    ['does not cut off what is its node', [rule()], scene([finding('proxy')]), []],
    ['does not say that it cut off whose protection is switched off', [rule()], scene([finding('free')]), []],
    ['does not cut off what is gone', [rule()], scene([finding('app-99')]), []],
    [
      'prolongs nothing that is in force',
      [rule()],
      scene([finding('app-1')], { active: [active('app-1')] }),
      [],
    ],
    [
      'does not count what was found before it was lifted',
      [rule()],
      scene([finding('app-1')], { settled: () => at(3_591_000) }),
      [],
    ],
    [
      'counts what was found after it was lifted',
      [rule()],
      scene([finding('app-1')], { settled: () => at(3_580_000) }),
      ['act quarantine app-1-1'],
    ],
    [
      'says that it may have no more',
      [rule({ mostWorkloads: 1 })],
      scene([finding('app-1')], { active: [active('app-2')] }),
      ['limited quarantine app-1-1'],
    ],
    [
      'blocks each pair of ends',
      [rule({ actions: [{ block: {} }] })],
      scene([finding('app-1'), finding('app-1', { peer: '203.0.113.10' })]),
      ['act block app-1-1 203.0.113.9', 'act block app-1-1 203.0.113.10'],
    ],
    [
      'blocks no resolver and no node',
      [rule({ actions: [{ block: {} }] })],
      scene([finding('app-1', { peer: '10.1.1.1' }), finding('app-1', { peer: '192.168.0.1' })]),
      [],
    ],
    [
      'blocks an address outside, and cuts off none',
      [rule({ actions: [{ quarantine: {} }, { block: {} }] })],
      scene([finding('', { offender: { kind: 'address', ip: '198.51.100.7' } })]),
      ['act block 198.51.100.7'],
    ],
    [
      'tells of a namespace that it leaves alone',
      [rule({ actions: [{ quarantine: {} }, { notify: {} }], exemptNamespaces: ['shop'] })],
      scene([finding('app-1')]),
      ['act notify app-1-1'],
    ],
  ])('%s', (_, rules, of, deeds) => {
    expect(outcome(rules, of)).toEqual(deeds)
  })

  test('says in words what was found, and for how long it acts', () => {
    const [deed] = plan([rule()], scene([finding('app-1', { count: 7 })]))
    expect(deed).toMatchObject({
      why: '7 × denied-attempts within 600 s, last at 2026-01-01T00:59:55.000Z',
      until: NOW + 900_000,
    })
  })
})

describe('whatever is found', () => {
  const findings = fc.array(
    fc.record({
      name: fc.constantFrom(...names),
      peer: fc.nat(5).map(last => `203.0.113.${last}`),
      first: fc.integer({ min: 0, max: 3_600_000 }).map(ms => at(ms)),
      count: fc.integer({ min: 1, max: 50 }),
    }),
    { maxLength: 60 },
  )
  const rules = fc
    .array(fc.record({ most: fc.integer({ min: 1, max: 50 }), count: fc.integer({ min: 1, max: 20 }) }), {
      minLength: 1,
      maxLength: 4,
    })
    .map(specs =>
      specs.map(({ most, count }, index) =>
        rule(
          {
            match: { findings: ['denied-attempts'], count },
            actions: [{ quarantine: {} }, { block: {} }],
            mostWorkloads: most,
          },
          `rule-${index}`,
        ),
      ),
    )

  test('no rule has more than it may, round after round, nor have all of them together', () => {
    fc.assert(
      fc.property(rules, fc.array(findings, { maxLength: 4 }), (ours, rounds) => {
        let inForce: readonly ActiveResponse[] = []
        for (const [round, found] of rounds.entries()) {
          const now = (NOW + round * 5_000) as EpochMs
          const deeds = plan(
            ours,
            scene(
              found.map(({ name, ...more }) => finding(name, more)),
              { now, active: inForce },
            ),
          )
          const started = deeds.flatMap(({ kind, rule: by, action, target, peer, until }) =>
            kind === 'act' && action.kind !== 'notify' && target.kind === 'workload'
              ? [
                  active('', {
                    rule: by,
                    action: action.kind,
                    target: target.workload.id,
                    until,
                    ...(peer !== undefined && { peer }),
                  }),
                ]
              : [],
          )
          inForce = [...inForce, ...started]
          const keys = inForce.map(each => deedKey(each.rule, each.action, each.target, each.peer))
          expect(new Set(keys).size).toBe(keys.length)
          expect(inForce.length).toBeLessThanOrEqual(LIMITS.activeResponses.value)
          for (const { name, most } of ours)
            for (const action of ['quarantine', 'block'] as const) {
              const own = inForce.filter(each => each.rule === name && each.action === action)
              expect(own.length).toBeLessThanOrEqual(most)
            }
        }
      }),
      { numRuns: 150 },
    )
  })
})
