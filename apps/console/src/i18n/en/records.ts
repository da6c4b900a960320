import { count, type Details, detail, plural } from '../plural.ts'

type Sentence = (workload: string, details: Details) => string

/** Keeps the codes, so that the other language must have the same, and gives every entry one shape. */
const sentences = <K extends string>(table: Record<K, Sentence>): Record<K, Sentence> => table

const contained = (d: Details): string =>
  detail(d, 'action') === 'quarantine'
    ? `${detail(d, 'target')} is cut off`
    : `${detail(d, 'target')} is kept from ${d.peer === undefined ? 'everybody' : detail(d, 'peer')}`

const ENDINGS: Readonly<Record<string, string>> = {
  expired: 'its time was up',
  lifted: 'it was lifted by hand',
  rule: 'the rule is gone or enforces no more',
}

const codes = sentences({
  'port-scan': (_workload, d) =>
    `${detail(d, 'source')} began to scan: ${plural(count(d, 'ports'), 'port')} at ${plural(count(d, 'addresses'), 'address', 'addresses')} within minutes.`,
  'metadata-probe': (_workload, d) =>
    `${detail(d, 'source')} asked the cloud metadata address ${detail(d, 'address')} for credentials.`,
  'mining-pool': (workload, d) => `${workload} looked for the mining pool ${detail(d, 'name')}.`,
  'change-reverted': (_workload, d) => `Nobody kept it, so this took itself back: ${detail(d, 'summary')}.`,
  'program-failed': (_workload, d) =>
    `The kernel refused new rules; the last good ones stay. ${detail(d, 'reason')}`,
  'inspection-failed': (_workload, d) =>
    `A thread that inspects died and is started again; meanwhile the policies’ settings for failures decide. ${detail(d, 'reason')}`,
  'dns-finding': (workload, d) => `${workload}: ${detail(d, 'en')}`,
  'state-refused': (_workload, d) =>
    `The agent refused the server’s state and keeps its last good one. ${detail(d, 'reason')}`,
  'spool-failed': (_workload, d) =>
    `Records could not be written to the agent’s disk. ${detail(d, 'reason')}`,
  'workloads-refused': (_workload, d) =>
    `${detail(d, 'file')} was refused, the last good one is in use. ${detail(d, 'reason')}`,
  'server-leads': (_workload, d) =>
    `The server ${detail(d, 'server')} leads from now on. Records from before are where the one before it kept them.`,
  'response-started': (_workload, d) =>
    `${contained(d)} until ${detail(d, 'until')}, by ${detail(d, 'rule')}: ${detail(d, 'why')}.`,
  'response-audited': (_workload, d) =>
    `${detail(d, 'rule')} would have responded to ${detail(d, 'target')} (${detail(d, 'action')}): ${detail(d, 'why')}.`,
  'response-limited': (_workload, d) =>
    `${detail(d, 'rule')} may keep no more, so that nothing was done about ${detail(d, 'target')}: ${detail(d, 'why')}.`,
  'response-notified': (_workload, d) =>
    `${detail(d, 'target')} matches ${detail(d, 'rule')}: ${detail(d, 'why')}.`,
  'response-ended': (_workload, d) =>
    `What ${detail(d, 'rule')} did about ${detail(d, 'target')} is over: ${ENDINGS[detail(d, 'how')] ?? '–'}.`,
  'agent-overreach': (_workload, d) =>
    `The agent on ${detail(d, 'node')} reported what is not its own; that part was refused.`,
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
      'spool-failed': 'Records that could not be written to disk',
      'spool-overflowed': 'Records dropped because the disk spool was full',
      'batch-refused': 'Records the server refused',
      'inspection-queue-full': 'Packets to be inspected for which there was no room',
      'inspection-notices-lost': 'Findings of inspection lost before they were recorded',
      'names-evicted': 'DNS answers forgotten before their time',
      'not-inspected-not-ip': 'Packets not inspected: not IP',
      'not-inspected-malformed-header': 'Packets not inspected: malformed header',
      'not-inspected-fragment': 'Packets not inspected: fragment',
      'not-inspected-extension-chain': 'Packets not inspected: too many extension headers',
      'not-inspected-ip-in-ip': 'Packets not inspected: IP in IP',
      'not-inspected-gre': 'Packets not inspected: GRE',
      'not-inspected-esp': 'Packets not inspected: encrypted by IPsec',
      'not-inspected-other-transport': 'Packets not inspected: another transport',
      'not-inspected-checksum': 'Packets not inspected: wrong checksum',
      'not-inspected-midstream': 'Packets not inspected: the beginning was not seen',
      'not-inspected-no-room': 'Packets not inspected: too many conversations',
    },
    inspection: 'Inspection',
    inspects: (flows: string) => `${flows} conversations followed`,
    notListening: 'not listening',
    restarts: (count: string) => `${count} restarts`,
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
      'agent.remove': 'Remove agent',
      'login-link': 'Print a login link',
      'join-token': 'Print a join token',
      token: 'Print an API token',
      'join-token.create': 'Create join token',
      'policy.apply': 'Apply policies',
      'policy.delete': 'Delete policies',
      'policy.mode': 'Set mode',
      'change.keep': 'Keep change',
      'change.revert': 'Take change back',
    },
  },
}
