export interface Limit {
  readonly value: number
  readonly unit: 'bytes' | 'items' | 'characters' | 'ms' | 'seconds'
  /** The attack or accident this stops, in one sentence. */
  readonly stops: string
}

const limit = (value: number, unit: Limit['unit'], stops: string): Limit => ({ value, unit, stops })

/** Every limit that holds foreign input, in one place; `docs/LIMITS.md` is generated from it. */
export const LIMITS = {
  documentBytes: limit(
    1_048_576,
    'bytes',
    'A policy file of gigabytes that exhausts memory while it is parsed.',
  ),
  documentsPerFile: limit(1_000, 'items', 'A file of a million tiny documents that blocks the server.'),
  yamlAliases: limit(100, 'items', 'An alias bomb ("billion laughs") that expands to gigabytes.'),
  yamlDepth: limit(64, 'items', 'Deeply nested input that overflows the stack.'),
  rulesPerPolicy: limit(1_000, 'items', 'One document that makes every packet walk a million rules.'),
  peersPerRule: limit(1_000, 'items', 'One rule that expands to a million address sets.'),
  portsPerRule: limit(1_000, 'items', 'One rule that expands to a million port matches.'),
  labelsPerWorkload: limit(256, 'items', 'A workload whose labels make each selection expensive.'),
  requestBytes: limit(16_777_216, 'bytes', 'A request body that exhausts the memory of the server.'),
  pageSize: limit(1_000, 'items', 'A page so large that building it stalls other users.'),
  flowEdges: limit(65_536, 'items', 'A scan that makes the agent remember every port it tried.'),
  flowsPerBatch: limit(20_000, 'items', 'A batch too large to store in one short transaction.'),
  spoolBytes: limit(268_435_456, 'bytes', 'A server away for days while the agent fills the disk.'),
  batchBytes: limit(33_554_432, 'bytes', 'A gzip bomb in an upload that inflates without end.'),
  netlinkMessageBytes: limit(
    65_536,
    'bytes',
    'A netlink message with a false length that is read past its end.',
  ),
} as const satisfies Record<string, Limit>

export type LimitName = keyof typeof LIMITS
