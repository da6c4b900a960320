import { EVENT_SEVERITIES, MODES } from '@sekisho/core'
import { FINDING_KINDS, RESPONSES } from '../documents/document.ts'
import { LEAST_SECONDS, MOST, USUAL } from '../documents/response-rule.ts'
import { exactlyOne, integer, type JsonSchema, object, oneOf, some, text } from './schema.ts'
import { INGRESS_PEER, RESPONSE_WORKLOADS } from './selectors.ts'

const WORD = text(63, /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/)

const MATCH = object(
  {
    findings: some(oneOf(FINDING_KINDS), FINDING_KINDS.length, 'Any of these kinds of finding.'),
    checks: some(WORD, MOST.checks, 'Of dns-finding, any of these checks.'),
    severity: oneOf(EVENT_SEVERITIES, { default: USUAL.severity, description: 'At least as severe.' }),
    workloads: RESPONSE_WORKLOADS,
    count: integer(1, MOST.count, {
      default: USUAL.count,
      description: 'So many, of one workload or address, within the window.',
    }),
    windowSeconds: integer(LEAST_SECONDS, MOST.windowSeconds, { default: USUAL.windowSeconds }),
  },
  { required: ['findings'] },
)

const DURATION = integer(LEAST_SECONDS, MOST.forSeconds, {
  default: USUAL.forSeconds,
  description: 'Then it ends by itself.',
})

const ACTION: JsonSchema = object(
  {
    quarantine: object(
      {
        forSeconds: DURATION,
        dns: {
          type: 'boolean',
          default: USUAL.dns,
          description: 'The resolver may be asked, as far as policies let it.',
        },
        peers: some(INGRESS_PEER, MOST.peers, 'Peers it may still speak with, as far as policies let it.'),
      },
      { description: 'The workload is cut off, in both directions.' },
    ),
    block: object(
      { forSeconds: DURATION },
      {
        description: 'The two ends of the finding are kept apart; an address outside is kept from everybody.',
      },
    ),
    notify: object({}, { description: 'A Warning event beside the pod, and an event on record.' }),
  },
  exactlyOne(RESPONSES),
)

/** What is done about findings, by itself. */
export const RESPONSE_RULE = object(
  {
    mode: oneOf(MODES, {
      default: 'Audit',
      description: 'Enforce acts, Audit says what it would have done, Learn does nothing.',
    }),
    match: MATCH,
    actions: some(ACTION, RESPONSES.length, 'What is done, each kind once.'),
    mostWorkloads: integer(1, MOST.workloads, {
      default: USUAL.workloads,
      description: 'How many workloads it may keep in quarantine, and how many ends blocked, at once.',
    }),
    exemptNamespaces: some(
      WORD,
      MOST.exempt,
      'Left alone, besides kube-system and the namespace of Sekisho.',
    ),
  },
  { required: ['match', 'actions'] },
)
