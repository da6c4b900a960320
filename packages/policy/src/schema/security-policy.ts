import { type Direction, LIMITS, MODES } from '@sekisho/core'
import { ON_DENY, ON_FAILURE } from '../documents/document.ts'
import { APPLICATION } from './application.ts'
import { EXTERNAL_WORKLOAD_SPEC } from './external-workload.ts'
import { APPLICATION_NAMES, REQUESTS } from './requests.ts'
import { RESPONSE_RULE } from './response-rule.ts'
import { integer, type JsonSchema, list, object, oneOf, some, text } from './schema.ts'
import { SECURITY_PROFILE } from './security-profile.ts'
import { CLUSTER_SUBJECT, EGRESS_PEER, INGRESS_PEER, NAMESPACED_SUBJECT } from './selectors.ts'

const PORT = object(
  {
    protocol: oneOf(['TCP', 'UDP', 'SCTP', 'ICMP', 'ICMPv6'], { default: 'TCP' }),
    port: {
      'x-kubernetes-int-or-string': true,
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      description: 'A number, the name of a port of the destination, or the type of an ICMP message.',
    },
    endPort: integer(1, 65_535, { description: 'The last of a range of ports.' }),
  },
  { description: 'Without a port, every port of the protocol.' },
)

const rule = (direction: Direction): JsonSchema => {
  const [side, peer] = direction === 'ingress' ? ['from', INGRESS_PEER] : ['to', EGRESS_PEER]
  return object(
    {
      name: text(100, undefined, { minLength: 1, description: 'For people.' }),
      action: oneOf(['Allow', 'Deny', 'Pass'], {
        default: 'Allow',
        description:
          'The first rule of a policy that matches decides for it; a Deny of any policy wins over an Allow of another. Pass is an exception from the Deny rules after it, and allows nothing.',
      }),
      [side]: list(peer, LIMITS.peersPerRule.value, {
        description: 'Any of these; every peer where none is written.',
      }),
      ports: list(PORT, LIMITS.portsPerRule.value, {
        description: 'Any of these; every port where none is written.',
      }),
      applications: APPLICATION_NAMES,
      l7: REQUESTS,
      onDeny: oneOf(ON_DENY, { description: 'Of a Deny rule, instead of the policy’s.' }),
      validUntil: {
        type: 'string',
        format: 'date-time',
        description: 'From then on the rule matches nothing.',
      },
      ticket: text(200, undefined, { minLength: 1, description: 'Where the exception was agreed on.' }),
    },
    {
      'x-kubernetes-validations': [
        {
          rule: "!has(self.onDeny) || self.action == 'Deny'",
          message: 'onDeny is for Deny rules; what no rule allows ends as spec.onDeny says',
        },
      ],
    },
  )
}

const rules = (direction: Direction): JsonSchema =>
  list(rule(direction), LIMITS.rulesPerPolicy.value, {
    description: 'What is allowed and denied; an empty list isolates.',
  })

const spec = (subject: JsonSchema): JsonSchema =>
  object(
    {
      mode: oneOf(MODES, {
        default: 'Audit',
        description: 'Learn records, Audit decides and reports but lets pass, Enforce acts.',
      }),
      subject,
      policyTypes: list(oneOf(['Ingress', 'Egress']), 2, {
        description: 'Directions the policy is about; those that are written where nothing is said.',
      }),
      ingress: rules('ingress'),
      egress: rules('egress'),
      profiles: some(
        text(63, /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/),
        LIMITS.profilesPerPolicy.value,
        'Inspections that allowed traffic goes through.',
      ),
      onFailure: oneOf(ON_FAILURE, {
        default: 'closed',
        description: 'Whether traffic that should be inspected passes while it cannot be.',
      }),
      onDeny: oneOf(ON_DENY, { default: 'drop', description: 'How denied traffic ends.' }),
    },
    {
      'x-kubernetes-validations': [
        {
          rule: 'has(self.ingress) || has(self.egress) || has(self.policyTypes)',
          message: 'does nothing; write ingress, egress or policyTypes',
        },
      ],
    },
  )

/**
 * The `spec` of each of our own kinds, as far as a schema can say it. Whatever the reader of documents takes fits;
 * what fits is read again by it, which also knows what needs more than a look at one field.
 */
export const SPEC_SCHEMAS = {
  SecurityPolicy: spec(NAMESPACED_SUBJECT),
  ClusterSecurityPolicy: spec(CLUSTER_SUBJECT),
  SecurityProfile: SECURITY_PROFILE,
  Application: APPLICATION,
  ResponseRule: RESPONSE_RULE,
  ExternalWorkload: EXTERNAL_WORKLOAD_SPEC,
} as const satisfies Record<string, JsonSchema>
