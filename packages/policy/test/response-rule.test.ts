import { describe, expect, test } from 'vitest'
import { policyToYaml, validatePolicy, withMode } from '../src/index.ts'

const document = (spec: unknown) => ({
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'ResponseRule',
  metadata: { name: 'contain' },
  spec,
})
const LEAST = { match: { findings: ['port-scan'] }, actions: [{ quarantine: {} }] }

function read(spec: unknown) {
  const result = validatePolicy(document(spec))
  if (!result.ok || result.value.kind !== 'ResponseRule') throw new TypeError(JSON.stringify(result))
  return result.value
}
function mistakes(spec: unknown): readonly string[] {
  const result = validatePolicy(document(spec))
  return result.ok ? [] : result.error.map(({ path, reason }) => `${path}: ${reason}`)
}

describe('a response rule', () => {
  test('that says least audits, about few, and not for long', () => {
    expect(read(LEAST)).toMatchObject({
      id: 'ResponseRule//contain',
      mode: 'Audit',
      match: { findings: ['port-scan'], severity: 'warning', count: 1, windowSeconds: 600 },
      actions: [{ kind: 'quarantine', forSeconds: 900, dns: false, peers: [] }],
      most: 3,
      exempt: [],
      sections: {},
    })
  })

  test('is read with all that it can say', () => {
    const peers = [
      { podSelector: { matchLabels: { app: 'forensics' } } },
      { ipBlock: { cidr: '10.9.0.0/16' } },
    ]
    const rule = read({
      mode: 'Enforce',
      match: {
        findings: ['dns-finding', 'denied-attempts'],
        checks: ['tunnel'],
        severity: 'critical',
        workloads: { namespaceSelector: { matchLabels: { team: 'shop' } }, podSelector: {} },
        count: 5,
        windowSeconds: 60,
      },
      actions: [
        { quarantine: { forSeconds: 3600, dns: true, peers } },
        { block: { forSeconds: 60 } },
        { notify: {} },
      ],
      mostWorkloads: 10,
      exemptNamespaces: ['payments'],
    })
    expect(rule.actions).toEqual([
      { kind: 'quarantine', forSeconds: 3600, dns: true, peers },
      { kind: 'block', forSeconds: 60 },
      { kind: 'notify' },
    ])
    expect(rule).toMatchObject({ mode: 'Enforce', most: 10, exempt: ['payments'], match: { count: 5 } })
  })

  test('has a mode like any policy', () => {
    const enforced = withMode(read(LEAST), 'Enforce')
    expect(enforced.mode).toBe('Enforce')
    expect(policyToYaml(enforced)).toContain('mode: Enforce')
  })

  test.each<[string, unknown, string]>([
    ['nothing', {}, 'spec.match: is required'],
    ['no finding', { ...LEAST, match: {} }, 'spec.match.findings: is required'],
    [
      'a finding that is none',
      { ...LEAST, match: { findings: ['port-scam'] } },
      'spec.match.findings[0]: must be one of',
    ],
    ['no action', { ...LEAST, actions: [] }, 'spec.actions: must not be empty'],
    [
      'two actions in one',
      { ...LEAST, actions: [{ block: {}, notify: {} }] },
      'spec.actions[0]: write one of',
    ],
    [
      'an action twice',
      { ...LEAST, actions: [{ block: {} }, { block: {} }] },
      'spec.actions: says one of them twice',
    ],
    [
      'a quarantine of a day',
      { ...LEAST, actions: [{ quarantine: { forSeconds: 86_400 } }] },
      'spec.actions[0].quarantine.forSeconds: must be a whole number from 60 to 3600',
    ],
    [
      'a limit of everybody',
      { ...LEAST, mostWorkloads: 51 },
      'spec.mostWorkloads: must be a whole number from 1 to 50',
    ],
    [
      'peers by name',
      { ...LEAST, actions: [{ quarantine: { peers: [{ fqdn: 'example.com' }] } }] },
      'spec.actions[0].quarantine.peers[0].fqdn: who connects has no name',
    ],
    [
      'checks without DNS',
      { ...LEAST, match: { findings: ['port-scan'], checks: ['tunnel'] } },
      'spec.match.checks: are of dns-finding',
    ],
    [
      'hosts',
      { ...LEAST, match: { findings: ['port-scan'], workloads: { hostSelector: {} } } },
      'spec.match.workloads.hostSelector: responses are about workloads',
    ],
  ])('with %s is refused', (_, spec, reason) => {
    expect(mistakes(spec).find(each => each.startsWith(reason))).toBeDefined()
  })
})
