import { parseCidr } from '@sekisho/core'
import type { OpenRule, PortMatch, TableRule } from '@sekisho/policy'
import { describe, expect, test } from 'vitest'
import { createRuleset, type InspectionRules } from '../src/index.ts'
import { mergePorts, portMatches, rangeElement } from '../src/match.ts'
import { attachment, chain, isolation, rule, selector, table } from './tables.ts'

const text = (ports: readonly PortMatch[]): string[] =>
  portMatches(ports).map(clauses => clauses.map(clause => clause.text).join(' '))

test.each<[string, PortMatch[], string[]]>([
  ['one port', [{ protocol: 'TCP', ports: [[443, 443]] }], ['meta l4proto tcp ct reply proto-src 443']],
  [
    'a range',
    [{ protocol: 'UDP', ports: [[1000, 2000]] }],
    ['meta l4proto udp ct reply proto-src 1000-2000'],
  ],
  ['every port', [{ protocol: 'SCTP' }], ['meta l4proto sctp']],
  [
    'the same port of two protocols',
    [
      { protocol: 'UDP', ports: [[53, 53]] },
      { protocol: 'TCP', ports: [[53, 53]] },
    ],
    ['meta l4proto { tcp, udp } ct reply proto-src 53'],
  ],
  [
    'overlapping ports are joined',
    [
      {
        protocol: 'TCP',
        ports: [
          [80, 90],
          [85, 100],
          [101, 101],
          [443, 443],
        ],
      },
    ],
    ['meta l4proto tcp ct reply proto-src { 80-101, 443 }'],
  ],
  [
    'every port takes single ones in',
    [{ protocol: 'TCP', ports: [[80, 80]] }, { protocol: 'TCP' }],
    ['meta l4proto tcp'],
  ],
  [
    'an ICMP type',
    [{ protocol: 'ICMP', ports: [[8, 8]] }],
    ['meta l4proto icmp ct original proto-dst 2048-2303'],
  ],
  ['a protocol by number', [{ protocol: 'IP/47' }], ['meta l4proto 47']],
  ['no port matches nothing', [{ protocol: 'TCP', ports: [] }], []],
  ['nothing matches nothing', [], []],
])('ports: %s', (_name, ports, lines) => expect(text(ports)).toEqual(lines))

test('the whole range of ports is one', () => {
  expect(
    mergePorts([
      [1, 65535],
      [0, 0],
    ]),
  ).toEqual([[0, 65535]])
})

test.each(['10.0.0.0/8', '10.0.0.1/32', '0.0.0.0/0', 'fd00::/64', '::/0'])('the block %s', cidr => {
  const read = parseCidr(cidr)
  expect(read.ok && rangeElement(read.value)).toBe(cidr.replace(/\/(32|128)$/, ''))
})
test('a range that is no prefix', () => {
  expect(rangeElement({ family: 4, first: 1n, last: 6n })).toBe('0.0.0.1-0.0.0.6')
})

/** Rules of the chains that a compiled chain becomes, with hashes cut away. */
function chainTexts(
  stages: readonly (readonly TableRule[])[],
  role: 'enforce' | 'audit' = 'enforce',
  inspection?: InspectionRules,
): string[] {
  const uses = role === 'enforce' ? { enforce: { ingress: 'c' } } : { audit: { ingress: 'c' } }
  const compiled = table({
    sets: [
      selector('s'),
      selector('t'),
      { kind: 'range', id: 'r', ranges: [{ family: 4, first: 0n, last: 255n }] },
    ],
    chains: [chain('c', stages)],
    attachments: [attachment('a', uses)],
  })
  return createRuleset(compiled, 1, inspection)
    .rebuild()
    .map(command => command.text.replace('add rule inet sekisho ', '').replaceAll(/_[\w-]{22}/g, ''))
    .filter(line => /^(?:e|ed|u|ud)(?:_\d)? /.test(line))
}

const LIMIT = 'limit rate 200/second burst 400 packets log prefix'
describe('chains', () => {
  test('a policy: one rule for each set and family, closed by the isolation', () => {
    const web = rule(0, { peers: ['s', 'r'], ports: [{ protocol: 'TCP', ports: [[80, 80]] }] })
    expect(chainTexts([[web, isolation]])).toEqual([
      'ed counter name "er"',
      expect.stringMatching(
        /^ed limit rate 200\/second burst 400 packets log prefix "sekisho:deny:[\w-]{22}" group 646 snaplen 128$/,
      ),
      'ed goto refuse',
      'e meta l4proto tcp ct reply proto-src 80 ct original ip saddr @p4 counter name "er" return',
      'e meta l4proto tcp ct reply proto-src 80 ct original ip6 saddr @p6 counter name "er" return',
      'e meta l4proto tcp ct reply proto-src 80 ct original ip saddr @r4 counter name "er" return',
      'e goto ed',
    ])
  })

  test('in audit the same, less the last step of a denial', () => {
    expect(chainTexts([[isolation]], 'audit')).toEqual([
      'ud counter name "ur"',
      expect.stringContaining(`ud ${LIMIT} "sekisho:audit:`),
      'u goto ud',
    ])
  })

  test('`next` leaves its stage for the following one', () => {
    const exception = rule(0, { action: 'next', peers: ['s'] })
    const denied = rule(1, { action: 'deny', peers: ['t'], why: 'rule-deny' })
    expect(chainTexts([[exception, denied], [isolation]]).filter(line => line.startsWith('e'))).toEqual([
      'ed counter name "er"',
      expect.stringContaining('ed limit'),
      'ed goto refuse',
      'ed counter name "er"',
      expect.stringContaining('ed limit'),
      'ed goto refuse',
      'e ct original ip saddr @p4 counter name "er" goto e_1',
      'e ct original ip6 saddr @p6 counter name "er" goto e_1',
      'e ct original ip saddr @t4 goto ed'.replace('@t4', '@p4'),
      'e ct original ip6 saddr @p6 goto ed',
      'e goto e_1',
      'e_1 goto ed',
    ])
  })

  const INSPECTION = { queues: { first: 40, workers: 2 }, identify: 'off' } as const
  const open = (may: OpenRule['may'], onFailure: OpenRule['onFailure'] = 'closed'): OpenRule => ({
    ...rule(5, { ports: [{ protocol: 'TCP', ports: [[80, 80]] }] }),
    action: 'inspect',
    may,
    onFailure,
  })
  const PORT_80 = 'e meta l4proto tcp ct reply proto-src 80'

  test.each<[string, OpenRule, readonly string[]]>([
    ['it may allow: nothing more is asked', open('allow'), [`${PORT_80} goto inspect_closed`]],
    ['it may deny: the rules behind it are asked', open('deny', 'open'), [`${PORT_80} jump inspect_open`]],
    ['it may leave', open('next'), [`${PORT_80} jump inspect_closed`, `${PORT_80} goto e_1`]],
  ])('an open rule marks the connection; %s', (_what, one, lines) => {
    const rules = chainTexts([[one, isolation], [isolation]], 'enforce', INSPECTION)
    const ended = one.may === 'next' ? ['e goto ed', 'e goto e_1'] : ['e goto ed', 'e goto ed']
    expect(rules.filter(line => line.startsWith('e '))).toEqual([...lines, ...ended])
  })

  test('nobody is stopped for what only audit asks', () => {
    expect(
      chainTexts([[open('allow'), isolation]], 'audit', INSPECTION).filter(line => line.startsWith('u ')),
    ).toEqual(['u meta l4proto tcp ct reply proto-src 80 goto inspect_open', 'u goto ud'])
  })

  test('an open rule is not there where nothing can be inspected', () => {
    expect(chainTexts([[open('allow'), isolation]]).filter(line => line.startsWith('e '))).toEqual([
      'e goto ed',
    ])
  })

  test('peers and ports that are empty match nothing', () => {
    const rules = [rule(0, { peers: [] }), rule(1, { ports: [] }), isolation]
    expect(chainTexts([rules]).filter(line => line.startsWith('e '))).toEqual(['e goto ed'])
  })
})
