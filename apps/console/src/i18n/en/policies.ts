import type { EXCLUSIONS, LearnNoteCode } from '@sekisho/policy'
import { count, type Details, detail, plural } from '../plural.ts'

type Note = (details: Details) => string

const notes: Record<LearnNoteCode, Note> = {
  'dns-proposed': d =>
    `One of these was not seen resolving names, yet nothing that uses names works without it: DNS to ${detail(d, 'server')} is allowed as a precaution.`,
  'dns-tcp-added': () => 'DNS is also allowed over TCP: large answers are asked for again that way.',
  'open-to-internet': d =>
    `${plural(count(d, 'addresses'), 'outside address', 'outside addresses')}, too many to name: all public ones are allowed. Private ones and the cloud metadata stay closed.`,
  'address-for-workload': d =>
    `${detail(d, 'group')} cannot be selected by labels, so it is named by address, which may change.`,
  'groups-merged': d => `Equal labels, so one policy for all: ${detail(d, 'groups')}.`,
  'no-labels': d => `No labels select ${detail(d, 'group')}, so there is no policy for it.`,
  'shares-node-network': d =>
    `${detail(d, 'group')} shares the network of its node, so there is no policy for it.`,
  'flows-limited': d =>
    `Learned from the first ${plural(count(d, 'flows'), 'edge', 'edges')} only; there are more. Choose a shorter window, or policies may lack what was left over.`,
  'excluded-limited': d =>
    `${plural(count(d, 'rows'), 'more row was', 'more rows were')} left out than are listed.`,
}

/** Why a flow was not learned; `mining-pool` is the server's own finding. */
const excludedCodes: Record<(typeof EXCLUSIONS)[number] | 'mining-pool', string> = {
  'port-scan': 'Port scan',
  'metadata-probe': 'Cloud metadata',
  'mining-pool': 'Mining pool',
  denied: 'Denied already',
  'not-expressible': 'Cannot be written in this kind',
}

export const policies = {
  title: 'Policies',
  intro: 'What may talk to what. Each policy learns, audits or enforces on its own.',
  table: 'Policies',
  suggest: 'Suggest from traffic',
  write: 'Write a policy',
  history: 'History',
  search: 'Search policies',
  columns: {
    mode: 'Mode',
    selects: 'Selects',
    rules: 'Rules',
    denied: 'Denied, last hour',
    audited: 'Audited, last hour',
    updated: 'Changed',
  },
  selects: (workloads: number) => plural(workloads, 'workload'),
  rules: (rules: number) => plural(rules, 'rule'),
  by: (actor: string) => `by ${actor}`,
  empty: {
    title: 'No policies yet',
    text: 'Everything may talk to everything. Sekisho can propose policies from the traffic it has seen; nothing is blocked until you enforce them.',
    filtered: 'No policy matches.',
  },
  detail: {
    yaml: 'Policy',
    flows: 'Flows it decided',
    setMode: 'Mode',
    setModeLabel: (mode: string) => `Set mode to ${mode}`,
    delete: 'Delete',
    deleteTitle: (name: string) => `Delete ${name}?`,
    deleteText: (workloads: number) =>
      `${plural(workloads, 'workload')} will no longer be restricted by it. The change can be taken back from the history.`,
    deleted: 'The policy is deleted.',
    notFound: 'There is no policy of this name',
    revision: 'Revision',
  },
  editor: {
    label: 'Policy as YAML',
    newTitle: 'Write a policy',
    newIntro: 'One or more documents. They are applied together: all or nothing.',
    valid: (policies: number) => `${plural(policies, 'policy', 'policies')}, no problems`,
    problems: (problems: number) => plural(problems, 'problem'),
    checking: 'Checking…',
    at: (line: number) => `line ${line}`,
    simulate: 'Simulate',
    saved: 'Saved',
    unchanged: 'No changes',
    unsaved: 'Unsaved changes',
    discard: 'Discard',
    hint: 'Escape, then Tab leaves the editor.',
  },
  ask: {
    title: 'Ask before you apply',
    kind: { explain: 'One connection', reach: 'All connections', difference: 'What changes' },
    intro: {
      explain: 'Would this connection pass under the text above, and which rule says so?',
      reach:
        'Can anything of one side reach anything of the other? Proved over all workloads, addresses and ports: shop/web, shop/*, shop/app=web, 10.0.0.0/8 or outside.',
      difference: 'Which connections would be judged differently from now? Proved, not sampled.',
    },
    submit: { explain: 'Explain', reach: 'Prove', difference: 'Compare with what is in force' },
    cancel: 'Cancel',
    running: (pieces: number) =>
      pieces === 0 ? 'Asking the engine…' : `${plural(pieces, 'piece')} of all flows looked at…`,
    answered: 'The answer follows.',
    stale: 'The text has changed since; ask again.',
    invalid: 'The text must be without problems first.',
    misread: {
      from: 'The source is no workload, label, address or set that is known.',
      to: 'The destination is no workload, label, address or set that is known.',
      port: 'The port must be a number with or without a protocol, as in 443 or 53/UDP.',
    },
    nothing: 'Nothing matches one of the two sides: there is no connection to ask about.',
    tooLong: 'It took longer than a minute. Ask for less, or use "sekisho policy prove".',
    reach: {
      false: (from: string, to: string) => `No connection from ${from} to ${to} passes.`,
      sure: (from: string, to: string) => `Yes: from ${from} to ${to} these pass.`,
      can: (from: string, to: string) => `It depends on what is spoken from ${from} to ${to}.`,
    },
    difference: {
      none: 'No connection would be judged differently.',
      some: (count: number) => `${plural(count, 'kind')} of connections would be judged differently:`,
    },
    depends: 'depends on what is spoken',
    alike: (others: number) => `and ${plural(others, 'other')} like it`,
    range: (first: string, last: string) => `as any address from ${first} to ${last}`,
    covered: (pairs: string, pieces: string) =>
      `Looked at ${pairs} pairs of ends that rules tell apart, in ${pieces} pieces.`,
    whole: 'Nothing was left out.',
    incomplete: (pairs: string, pieces: string) =>
      `Not all of it was looked at, only ${pairs} pairs in ${pieces} pieces: that nothing was found proves nothing. Ask for less.`,
    counted: 'Policies in Audit count as if enforced.',
  },
  apply: {
    title: 'Bring into force',
    audit: 'Audit',
    auditText: 'Judge live traffic and report. Nothing is blocked.',
    enforce: 'Enforce for 5 minutes',
    enforceText: 'Block what no rule allows. It takes itself back after five minutes unless you keep it.',
    asWritten: 'Apply as written',
    confirmTitle: 'Enforce these policies?',
    confirmText: (policies: number) =>
      `${plural(policies, 'policy', 'policies')} will block traffic from now on. In five minutes the change takes itself back, unless you keep it: if you lock yourself out, just wait.`,
    broken: (connections: number) =>
      `The simulation found ${plural(connections, 'legitimate connection')} that would be denied.`,
    notSimulated: 'It has not been simulated yet.',
    audited: 'In Audit now. Denied traffic is reported and passes.',
    enforced: 'Enforced. It takes itself back in five minutes unless you keep it.',
    applied: 'Applied.',
    nothing: 'Nothing changed: it is in force already.',
    refused: 'Refused as a whole; nothing was changed.',
  },
  suggestPage: {
    title: 'Suggest policies',
    intro: 'From what was seen to what is allowed: the smallest set of rules, each with its evidence.',
    steps: { choose: 'Choose', review: 'Review', simulate: 'Simulate and enforce' },
    stepsLabel: 'Steps',
    namespaces: 'Namespaces',
    namespacesHint: 'A policy is proposed for each workload group in them.',
    all: 'All',
    workloads: (count: number) => plural(count, 'workload'),
    kind: 'Write as',
    kindHint: {
      SecurityPolicy: 'With modes, and names for rules.',
      NetworkPolicy: 'Plain Kubernetes; works elsewhere too.',
    },
    learnFrom: 'Learn from',
    propose: 'Propose policies',
    proposing: 'Reading recorded flows…',
    noNamespaces: 'No workloads are known yet',
    noNamespacesText: 'An agent must have joined and reported its workloads.',
    proposed: (policies: number, rules: number) =>
      `${plural(policies, 'policy', 'policies')} with ${plural(rules, 'rule')}`,
    nothing: 'There is nothing to propose',
    nothingText: 'No traffic of these namespaces was recorded in this time window.',
    rulesTitle: 'Rules and their evidence',
    yamlTitle: 'As YAML',
    seen: (connections: number) => `${plural(connections, 'connection')} seen`,
    confidence: { low: 'Little evidence', medium: 'Some evidence', high: 'Strong evidence' },
    excluded: 'Left out on purpose',
    excludedText: 'These looked like an attack, so no rule allows them.',
    edited: 'You have edited the proposal; the evidence is that of the original.',
    toSimulate: 'Simulate',
    back: 'Back',
  },
  simulation: {
    title: 'Simulation',
    running: 'Replaying recorded flows…',
    since: (since: string, until: string) => `Recorded from ${since} to ${until}.`,
    unchanged: 'unchanged',
    broken: 'legitimate broken',
    attacks: 'attack attempts denied',
    opened: 'newly allowed',
    undecided: 'depend on what is asked',
    verdictGood: 'Nothing legitimate would break.',
    verdictBad: 'Some legitimate traffic would break. Look at the list before you enforce.',
    verdictEmpty: 'No recorded flow would be judged differently.',
    groups: 'What would change',
    before: 'Now',
    after: 'Then',
    attack: 'Attack',
    again: 'Simulate again',
    explained:
      'Counted are recorded connections. Attack: all that a scanning workload does, and every call to the cloud metadata address.',
    noFlows: 'Nothing was recorded in this time window, so the simulation proves nothing yet.',
  },
  changes: {
    title: 'History of policies',
    intro: 'Each change is applied as a whole and can be taken back as a whole.',
    empty: 'No changes yet',
    emptyText: 'Every applied, changed or deleted policy appears here, with who did it.',
    state: { kept: 'Kept', pending: 'On trial', reverted: 'Taken back' },
    action: { created: 'Created', changed: 'Changed', deleted: 'Deleted' },
    revert: 'Take back',
    revertTitle: 'Take this change back?',
    revertText: 'All its policies return to what they were before, at once.',
    diff: 'Difference',
    by: (actor: string) => `by ${actor}`,
    added: 'added',
    removed: 'removed',
  },
  notes,
  excludedCodes,
}
