/** The pause between two readings of the node's connections, and how many may be read in a second: a few µs each. */
const PAUSE_MS = 1_000
const READ_PER_SECOND = 10_000

/**
 * When the connections are to be read again: a new one of a quiet node is seen within a second, and a table of a hundred
 * thousand does not keep the agent busy. By their number and not by the time that it took, which others make long.
 */
export const pauseAfter = (connections: number): number =>
  Math.max(PAUSE_MS, (connections / READ_PER_SECOND) * 1_000)
