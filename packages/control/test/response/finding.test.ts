import type { AgentEvent, Flow, RuleId } from '@sekisho/core'
import { FINDING_KINDS, type FindingKind } from '@sekisho/policy'
import { describe, expect, test } from 'vitest'
import { collect } from '../../src/response/finding.ts'
import { at, end, flow, id, MINUTE, pod, SHOP, scan, WINDOW, world } from '../insight/world.ts'

const OUTSIDE = { ip: '198.51.100.7' }

function found(
  { flows = [], events = [] }: { flows?: readonly Flow[]; events?: readonly AgentEvent[] },
  kind: FindingKind,
) {
  using here = world()
  here.report({ workloads: [...SHOP, pod('foothold', 'shop', { id: id('other'), addresses: ['10.0.0.9'] })] })
  here.report({ flows })
  for (const event of events) here.ports.store.records.addEvent(event)
  return collect(here.ports.store.records, new Set([kind]), WINDOW).map(
    ({ offender, peer, check, count, severity }) =>
      [offender.kind === 'workload' ? offender.id : offender.ip, peer, check, `×${count}`, severity]
        .filter(part => part !== undefined)
        .join(' '),
  )
}

const event = (
  code: FindingKind,
  details: AgentEvent['details'],
  more: Partial<AgentEvent> = {},
): AgentEvent => ({
  code,
  severity: 'critical',
  at: at(5 * MINUTE),
  details,
  ...more,
})
const denied = (change: Partial<Flow> = {}) => flow({ outcome: 'denied', why: 'isolated', ...change })

describe('what is on record', () => {
  test.each<[string, FindingKind, Parameters<typeof found>[0], readonly string[]]>([
    [
      'a scan is of the one of a group that tried most',
      'port-scan',
      {
        flows: [...scan(), flow({ source: { workload: id('other'), ip: '10.0.0.9' }, port: 7000 })],
        events: [event('port-scan', { source: 'shop/foothold' }, { workload: id('other') })],
      },
      [`${id('foothold')} ×1 critical`],
    ],
    [
      'a scan from outside is of its address',
      'port-scan',
      { events: [event('port-scan', { source: OUTSIDE.ip })] },
      [`${OUTSIDE.ip} ×1 critical`],
    ],
    [
      'a probe has the address that was asked',
      'metadata-probe',
      {
        events: [
          event(
            'metadata-probe',
            { source: 'shop/web', address: '169.254.169.254' },
            { workload: id('web') },
          ),
        ],
      },
      [`${id('web')} 169.254.169.254 ×1 critical`],
    ],
    ['of a miner that is none’s nothing is found', 'mining-pool', { events: [event('mining-pool', {})] }, []],
    [
      'a check of DNS is named',
      'dns-finding',
      { events: [event('dns-finding', { client: '10.0.0.1', check: 'tunnel' }, { workload: id('web') })] },
      [`${id('web')} tunnel ×1 critical`],
    ],
    [
      'denied attempts count together for each pair of ends, from outside too',
      'denied-attempts',
      {
        flows: [
          denied({ connections: 3 }),
          denied({ connections: 2, port: 80 }),
          denied({ source: OUTSIDE }),
          flow(),
        ],
      },
      [`${id('web')} 10.0.0.2 ×5 warning`, `${OUTSIDE.ip} 10.0.0.2 ×1 warning`],
    ],
    [
      'what a response denies is no attempt',
      'denied-attempts',
      {
        flows: [
          denied({ by: 'ClusterSecurityPolicy//response.block.0#egress[0]' as RuleId, why: 'rule-deny' }),
        ],
      },
      [],
    ],
    [
      'a mismatch is one also where it is only audited',
      'application-mismatch',
      { flows: [flow({ outcome: 'audited', why: 'application-mismatch' }), denied()] },
      [`${id('web')} 10.0.0.2 ×1 warning`],
    ],
    [
      'something else on a port that is known for one thing',
      'unexpected-application',
      { flows: [flow({ application: 'ssh' }), flow({ port: 22, application: 'ssh' })] },
      [`${id('web')} 10.0.0.2 ×1 warning`],
    ],
  ])('%s', (_, kind, records, expected) => {
    expect(found(records, kind)).toEqual(expected)
  })

  test.each(FINDING_KINDS)('nothing of %s is found where nothing is', kind => {
    expect(found({ flows: [flow({ source: end('web') })] }, kind)).toEqual([])
  })
})
