import type { Protocol } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import {
  askResidual,
  createTableCompiler,
  decideByTable,
  type PolicyDocument,
  residual,
  treatByTable,
} from '../src/index.ts'
import { WORKLOADS, web } from './asking.ts'
import { modelOf, NODE } from './builders.ts'

const PROTOCOLS = ['TCP', 'UDP', 'SCTP', 'ICMP', 'ICMPv6', 'IP/47', 'IP/50', 'IP/51'] as const
type Answers = Readonly<Record<(typeof PROTOCOLS)[number], string>>
const ENDS = { source: '10.0.0.1', destination: '10.0.0.2' } as const

/** What the model, what is left to ask, and the table say of each protocol on port 53, or type 53. */
function answersTo(policies: readonly PolicyDocument[]): Answers {
  const model = modelOf(WORKLOADS, policies)
  const { table } = createTableCompiler(model, { name: NODE, addresses: [] })
  const answer = (protocol: Protocol) => {
    const query = { source: { ip: ENDS.source }, destination: { ip: ENDS.destination }, protocol, port: 53 }
    const { verdict, inspect } = model.decide(query)
    const { enforced } = askResidual(residual(model, query))({})
    expect({ verdict: enforced.verdict, inspect: enforced.inspect }).toEqual({ verdict, inspect })
    const packet = { ...ENDS, protocol, port: 53 }
    expect(decideByTable(table, packet).egress?.verdict).toBe(verdict)
    const kinds = { pass: 'allow', drop: 'deny', inspect: `${verdict} until read` } as const
    const said = kinds[treatByTable(table, packet).kind]
    expect(said).toBe(inspect ? `${verdict} until read` : verdict)
    return said
  }
  return Object.fromEntries(PROTOCOLS.map(protocol => [protocol, answer(protocol)])) as Answers // of all of them
}

const of = (name: string, rule: object) => web(name, { egress: [rule] })
const ALLOW_ALL = of('all', {})
const every = (answer: string): Answers =>
  Object.fromEntries(PROTOCOLS.map(protocol => [protocol, answer])) as Answers // of all of them

describe('rules about what is spoken, over every protocol', () => {
  const open = { TCP: 'deny until read', UDP: 'deny until read' }
  const excepted = { TCP: 'allow until read', UDP: 'allow until read' }
  const ping = { ICMP: 'allow', ICMPv6: 'allow' }
  const ipsec = { 'IP/50': 'allow', 'IP/51': 'allow' }
  const DNS = [{ dns: { names: ['example.com'] } }]

  test.each<[string, readonly PolicyDocument[], Answers]>([
    [
      'what is read is read over TCP and UDP',
      [of('a', { applications: ['dns'] })],
      { ...every('deny'), ...open },
    ],
    ['and so are requests', [of('a', { l7: DNS })], { ...every('deny'), ...open }],
    [
      'ICMP is itself, and nothing else is',
      [of('a', { applications: ['icmp'] })],
      { ...every('deny'), ...ping },
    ],
    [
      'IPsec has its protocols, and its keys are exchanged over UDP',
      [of('a', { applications: ['ipsec'] })],
      { ...every('deny'), ...open, ...ipsec },
    ],
    [
      'one of several is enough',
      [of('a', { applications: ['icmp', 'dns'] })],
      { ...every('deny'), ...open, ...ping },
    ],
    [
      'a Deny rule denies what it is about',
      [of('a', { action: 'Deny', applications: ['icmp', 'dns'] }), ALLOW_ALL],
      { ...every('allow'), ...excepted, ICMP: 'deny', ICMPv6: 'deny' },
    ],
    [
      'and an Allow rule before it is its exception',
      [web('a', { egress: [{ applications: ['icmp'] }, { action: 'Deny' }] }), ALLOW_ALL],
      { ...every('deny'), ...ping },
    ],
    [
      'ports narrow it',
      [of('a', { applications: ['icmp'], ports: [{ protocol: 'ICMP', port: 53 }, { protocol: 'UDP' }] })],
      { ...every('deny'), ICMP: 'allow' },
    ],
    [
      'a type that is not named is not meant',
      [of('a', { applications: ['icmp'], ports: [{ protocol: 'ICMP', port: 8 }] })],
      every('deny'),
    ],
    [
      'nothing is read over SCTP, whatever its port',
      [of('a', { applications: ['dns'], ports: [{ protocol: 'SCTP', port: 53 }] })],
      every('deny'),
    ],
  ])('%s', (_what, policies, expected) => {
    expect(answersTo(policies)).toEqual(expected)
  })

  test('what is said to be spoken or asked over others does not count', () => {
    const model = modelOf(WORKLOADS, [of('a', { applications: ['dns'] }), of('b', { l7: DNS })])
    const request = { kind: 'dns', name: 'example.com', type: 'A' } as const
    const facts = { application: 'dns', request } as const
    const query = { source: { ip: ENDS.source }, destination: { ip: ENDS.destination }, port: 53, facts }
    const verdict = (protocol: Protocol) => model.decide({ ...query, protocol }).verdict
    expect(PROTOCOLS.filter(protocol => verdict(protocol) === 'allow')).toEqual(['TCP', 'UDP'])
  })

  test('a name that led there is enough where nobody can say another', () => {
    const model = modelOf(WORKLOADS, [of('a', { to: [{ fqdn: '*.example.com' }] })])
    const ends = { source: { ip: '10.0.0.1' }, destination: { ip: '203.0.113.1' }, port: 8 }
    const facts = { names: ['a.example.com'] }
    const answers = PROTOCOLS.map(protocol => {
      const { enforced } = askResidual(residual(model, { ...ends, protocol }))(facts)
      expect(enforced).toEqual(model.decide({ ...ends, protocol, facts }))
      return [protocol, enforced.inspect ? 'open' : enforced.verdict]
    })
    expect(Object.fromEntries(answers)).toEqual({ ...every('allow'), TCP: 'open', UDP: 'open' })
  })
})
