import type { Overview } from '@sekisho/control'
import { count, type Details, detail, plural } from '../plural.ts'

type AttentionCode = Overview['attention'][number]['code']

/** A sentence about a workload; the workload is named before its instances. */
type Sentence = (workload: string, details: Details) => string

const codes: Record<AttentionCode, Sentence> = {
  'port-scan': (workload, d) =>
    `${workload} scans: it tried ${plural(count(d, 'ports'), 'port')} at ${plural(count(d, 'addresses'), 'address', 'addresses')}.`,
  'metadata-probe': workload => `${workload} asks the cloud metadata address for credentials.`,
  'mining-pool': (workload, d) =>
    `${workload} looks for a mining pool${d['name'] === undefined ? '' : ` (${detail(d, 'name')})`}.`,
  'unexpected-application': (workload, d) =>
    `${workload} speaks ${detail(d, 'application')} with ${detail(d, 'destination')} on port ${detail(d, 'port')}, which is known for something else.`,
  'denied-attempts': (workload, d) =>
    `${plural(count(d, 'connections'), 'attempt')} of ${workload} to reach ${detail(d, 'destination')} on port ${detail(d, 'port')} denied.`,
  'audited-traffic': (_workload, d) =>
    `${plural(count(d, 'connections'), 'connection')} would be denied if the policies in Audit were enforced.`,
  'unprotected-namespace': (_workload, d) =>
    `No policy protects the namespace ${detail(d, 'namespace')}${
      count(d, 'workloads') > 0 ? ` (${plural(count(d, 'workloads'), 'workload')})` : ''
    }.`,
  'change-pending': () => 'A policy change is on trial and takes itself back unless you keep it.',
  'agent-away': (_workload, d) =>
    `The agent on ${detail(d, 'node')} is away. It keeps enforcing its last good state.`,
  'agent-behind': (_workload, d) =>
    `The agent on ${detail(d, 'node')} has not applied the latest policies yet.`,
  'records-begin': (_workload, d) =>
    `The server ${detail(d, 'server')} leads since ${detail(d, 'since')}. Records from before are where the one before it kept them.`,
  'records-dropped': (_workload, d) =>
    `The agent on ${detail(d, 'node')} could not see or keep everything: the picture has gaps.`,
  'nothing-seen': () => 'No traffic has been seen yet.',
}

export const overview = {
  title: 'Overview',
  intro: (workloads: number, namespaces: number) =>
    `${plural(workloads, 'workload')} in ${plural(namespaces, 'namespace')}.`,
  attention: {
    title: 'What to look at',
    none: 'Nothing unusual',
    stopped: (denied: number) => `Stopped: ${plural(denied, 'attempt')} denied, nothing passes any more.`,
    noneText: 'No scans, no denied attempts, every agent is up to date.',
    codes,
  },
  action: {
    'show-map': 'Show on the map',
    'show-flows': 'Show flows',
    suggest: 'Suggest a policy',
    'review-change': 'Review the change',
    'show-agents': 'Show agents',
  },
  traffic: {
    title: 'Traffic',
    total: (connections: number) => plural(connections, 'connection'),
    learning: (ago: string) => `Observed since ${ago}.`,
    none: 'None in this time window.',
  },
  protection: {
    title: 'Protection',
    enforced: 'Enforced',
    audited: 'Audited',
    unprotected: 'Unprotected',
    of: (part: number, whole: number) => `${part} of ${plural(whole, 'workload')} enforced`,
  },
  agents: {
    title: 'Agents',
    connected: (connected: number, total: number) => `${connected} of ${total} connected`,
    none: 'No agent has joined yet. Nothing can be seen or enforced.',
  },
  steps: {
    title: 'From watching to enforcing',
    done: 'done',
    next: 'next',
    observe: { title: 'Observe', text: 'Agents record who talks to whom. Nothing is blocked.' },
    suggest: {
      title: 'Suggest',
      text: 'Least-privilege policies from what was seen, each rule with its evidence.',
    },
    simulate: {
      title: 'Simulate',
      text: 'Recorded traffic is replayed against them: what would break, what would stop?',
    },
    audit: { title: 'Audit', text: 'The policies judge live traffic and report, and let everything pass.' },
    enforce: { title: 'Enforce', text: 'They act. The change takes itself back unless you keep it.' },
  },
}
