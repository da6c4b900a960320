import { count, type Details, detail, plural } from '../plural.ts'

type Sentence = (workload: string, details: Details) => string

/** Keeps the codes, so that the other language must have the same, and gives every entry one shape. */
const sentences = <K extends string>(table: Record<K, Sentence>): Record<K, Sentence> => table

const codes = sentences({
  'port-scan': (workload, d) =>
    `${workload} scanned: it tried ${plural(count(d, 'ports'), 'port')} at ${plural(count(d, 'addresses'), 'address', 'addresses')}.`,
  'metadata-probe': workload => `${workload} asked the cloud metadata address for credentials.`,
  'mining-pool': (workload, d) =>
    `${workload} looked for the mining pool ${detail(d, 'name', 'destination')}.`,
  'denied-attempts': (workload, d) =>
    `${plural(count(d, 'connections', 'attempts', 'count'), 'attempt')} of ${workload} denied.`,
  'agent-joined': (_workload, d) => `An agent joined on ${detail(d, 'node')}.`,
  'agent-connected': (_workload, d) => `The agent on ${detail(d, 'node')} connected.`,
  'agent-away': (_workload, d) =>
    `The agent on ${detail(d, 'node')} is away; it keeps enforcing its last good state.`,
  'agent-started': () => 'The agent started.',
  'program-failed': (_workload, d) => `The kernel refused a rule change: ${detail(d, 'error', 'reason')}`,
  'rules-restored': () => 'The rules in the kernel had been changed by someone else and were restored.',
  'records-dropped': (_workload, d) =>
    `${plural(count(d, 'count', 'records', 'dropped'), 'record')} could not be kept.`,
  'change-applied': (_workload, d) => `Policies changed by ${detail(d, 'actor')}.`,
  'change-reverted': () => 'A policy change took itself back because nobody kept it.',
})

export const records = {
  events: {
    title: 'Events',
    intro: 'What happened: attacks, denied attempts, agents and policies.',
    empty: 'No events',
    emptyText: 'Nothing worth telling happened in this time window.',
    severity: 'Severity',
    all: 'All',
    what: 'What happened',
    flows: 'Flows',
    codes,
  },
  agents: {
    title: 'Agents',
    intro: 'One per node. Each keeps enforcing its last good state when the server is away.',
    empty: 'No agent has joined',
    emptyText: 'Make a join token on the server and start the agent on the node with it:',
    connected: 'Connected',
    away: 'Away',
    lastSeen: 'Last heard',
    version: 'Version',
    revision: 'Policies',
    upToDate: 'up to date',
    behind: 'behind',
    revisionNumber: (revision: number) => `revision ${revision}`,
    workloads: 'Workloads',
    rules: 'Rules',
    program: 'Change to kernel',
    programHint: 'From the arrival of a change to the commit in the kernel.',
    typical: (value: string) => `${value} typical`,
    worst: (value: string) => `${value} at worst (99 %)`,
    errors: 'Failed changes',
    ledger: 'Not seen or not inspected',
    ledgerHint: 'Counted since the agent started. What is not here was seen.',
    ledgerEmpty: 'Nothing was missed.',
    ledgerCodes: {
      'connection-events-lost': 'Connection events lost by the kernel',
      'logged-packets-lost': 'Denied packets lost before they were recorded',
      'denials-not-logged': 'Denials counted but not recorded one by one',
      'flows-gathered': 'Flows put together because there were too many',
      'flows-overflowed': 'Flows left out because there were too many',
      'connections-not-followed': 'Connections whose bytes were not followed',
      'judgement-disagreements': 'Kernel and engine disagreed',
      'spool-dropped': 'Records dropped because the disk spool was full',
    },
    degraded: 'What this node cannot do',
  },
  audit: {
    title: 'Audit log',
    intro: 'Who did what. Each entry is chained to the one before by its hash; a later edit would show.',
    empty: 'Nothing was done yet',
    actor: 'Who',
    action: 'Action',
    target: 'Target',
    result: 'Result',
    from: 'From',
    hash: 'Hash',
    results: { ok: 'Done', refused: 'Refused', failed: 'Failed' },
    nobody: 'nobody',
    actions: {
      'login.link': 'Log in by link',
      'login.password': 'Log in by password',
      logout: 'Log out',
      'account.password': 'Set password',
      'token.create': 'Create API token',
      'token.delete': 'Revoke API token',
      'agent.join': 'Agent joins',
      'join-token.create': 'Create join token',
      'policy.apply': 'Apply policies',
      'policy.delete': 'Delete policies',
      'policy.mode': 'Set mode',
      'change.keep': 'Keep change',
      'change.revert': 'Take change back',
    },
  },
}
