import type { Dictionary } from './dictionary.ts'

const at = (ip: string | undefined): string => (ip === undefined ? '' : ` (${ip})`)

export const en: Dictionary = {
  ends: {
    workload: ({ namespace, name, ip }) => `${namespace}/${name}${at(ip)}`,
    node: ({ node, ip }) => `node ${node}${at(ip)}`,
    outside: ({ ip }) => `${ip ?? 'an address outside'}`,
  },
  directions: { ingress: 'ingress', egress: 'egress' },
  outcomes: {
    allowed: ({ source, destination, service }) => `${source} may reach ${destination} on ${service}.`,
    audited: ({ source, destination, service }) =>
      `${source} reaches ${destination} on ${service} now, but would be denied if the policies in Audit were enforced.`,
    denied: ({ source, destination, service }) => `${source} may not reach ${destination} on ${service}.`,
  },
  reasons: {
    self: () => 'A workload’s traffic to itself is not subject to policy.',
    'own-node': ({ subject }) => `${subject} always accepts its own node, so that health probes reach it.`,
    'not-selected': () =>
      'No policy restricts it: neither the source’s egress nor the destination’s ingress is isolated.',
    'rule-allow': ({ by, subject, direction }) => `${by} allows it for the ${direction} of ${subject}.`,
    'rule-deny': ({ by, subject, direction }) => `${by} denies it for the ${direction} of ${subject}.`,
    isolated: ({ by, subject, direction }) =>
      `${by} isolates the ${direction} of ${subject}, and no rule of any policy allows this.`,
    'application-mismatch': ({ by, subject, direction }) =>
      `${by} isolates the ${direction} of ${subject}; rules allow the port, but not what is spoken on it.`,
    'name-mismatch': ({ by, subject, direction }) =>
      `${by} isolates the ${direction} of ${subject}; a rule allows a name that led there, but the client asks for another.`,
    inspecting: ({ subject, direction }) =>
      `The ${direction} of ${subject} is read: it passes until what is said decides.`,
    'spoofed-source': () => 'The packet’s source address is not the workload’s own.',
    'invalid-state': () => 'The kernel’s connection tracking calls the packet invalid.',
    quarantine: ({ subject }) => `${subject} is in quarantine.`,
    malformed: () => 'The packet could not be read.',
    'engine-error': () => 'The engine failed, and the policy says what then happens.',
  },
  rule: (policy, direction, number) =>
    `${direction === 'egress' ? 'Egress' : 'Ingress'} rule ${number} of ${policy}`,
  policy: (kind, name) => `${kind} ${name}`,
  endings: {
    reset: 'Its ends are told by a reset.',
    respond: 'HTTP/1 is answered by 403; all else is told by a reset.',
    explain: 'HTTP/1 is answered by 403 with the name of the rule; all else is told by a reset.',
  },
  otherSide: {
    allow: ({ subject, direction }) => `The ${direction} of ${subject} would allow it.`,
    deny: ({ by, subject, direction }) => `The ${direction} of ${subject} denies it too (${by}).`,
  },
  needs: {
    name: 'the destination’s name',
    application: 'what is spoken',
    http: 'the HTTP request',
    grpc: 'the gRPC call',
    dns: 'the DNS question',
    tls: 'the TLS server name',
    sql: 'the SQL statement',
    redis: 'the Redis command',
    kafka: 'the Kafka request',
    mongodb: 'the MongoDB operation',
  },
  spoken: application =>
    application === 'unknown' ? 'What is spoken was not recognised.' : `What is spoken is ${application}.`,
  inspect: needs => `This can change once ${new Intl.ListFormat('en').format(needs)} is known.`,
  expired: rule => `${rule} would have matched, but has expired.`,
  switchedOff: subject =>
    `Protection is switched off for ${subject}: the policies that select it are not enforced.`,
  finish: sentence => sentence,
  edits: {
    'new-policy': policy => `A new ${policy} with one rule would allow it.`,
    'allow-before-deny': policy => `An Allow rule before the Deny rule of ${policy} would let it pass.`,
    'deny-removed': policy =>
      `The Deny rule of ${policy} would have to go; others that it stops would pass too.`,
    'policy-removed': policy => `${policy} would have to go; others that it stops would pass too.`,
  },
}
