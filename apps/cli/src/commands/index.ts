import type { Command } from '../command.ts'

interface Entry {
  readonly summary: string
  /** Loaded only when the command runs, so that the others start fast. */
  load(): Promise<Command>
}

/** Every command, in the order help shows them. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  status: {
    summary: 'What runs, what is protected, what needs attention',
    load: async () => (await import('./status.ts')).status,
  },
  flows: {
    summary: 'Connections that were seen; -f follows them live',
    load: async () => (await import('./flows.ts')).flows,
  },
  explain: {
    summary: 'Why a connection is allowed or denied, and what would change it',
    load: async () => (await import('./explain.ts')).explain,
  },
  policy: {
    summary: 'List, apply, suggest, simulate and compare policies',
    load: async () => (await import('./policy.ts')).policy,
  },
  changes: {
    summary: 'History of policy changes; keep or take back a pending one',
    load: async () => (await import('./changes.ts')).changes,
  },
  response: {
    summary: 'Quarantines and blocks in force: why, until when; lift one',
    load: async () => (await import('./response.ts')).response,
  },
  events: { summary: 'What happened', load: async () => (await import('./events.ts')).events },
  agents: {
    summary: 'The agents of nodes and hosts; remove one that is gone for good',
    load: async () => (await import('./agents.ts')).agents,
  },
  workloads: {
    summary: 'What has an address and labels',
    load: async () => (await import('./workloads.ts')).workloads,
  },
  check: {
    summary: 'Whether a Kubernetes cluster is ready for Sekisho',
    load: async () => (await import('./check.ts')).check,
  },
  install: {
    summary: 'Install Sekisho in a Kubernetes cluster, or print what would be',
    load: async () => (await import('./install.ts')).install,
  },
  uninstall: {
    summary: 'Remove Sekisho from a Kubernetes cluster and say what was removed',
    load: async () => (await import('./uninstall.ts')).uninstall,
  },
  ci: {
    summary: 'Stop a pipeline whose manifests leave unprotected what must be protected',
    load: async () => (await import('./ci.ts')).ci,
  },
  lab: {
    summary: 'A sample cluster on this machine with real traffic and an attacker',
    load: async () => (await import('./lab.ts')).lab,
  },
  up: {
    summary: 'Watch and protect the workloads of this host',
    load: async () => (await import('./up.ts')).up,
  },
  completion: {
    summary: 'Shell completion for bash, zsh and fish',
    load: async () => (await import('./completion.ts')).completion,
  },
  version: {
    summary: 'The version of this program',
    load: async () => (await import('./version.ts')).version,
  },
}
