/** Flows that were seen: what they teach, and what policies would have made of them. */
export { simulate } from '../simulate/simulate.ts'
export { groupOf } from './flow.ts'
export { learn } from './learn.ts'
export { findUnused } from './unused.ts'
export { roleText, useText } from './use-words.ts'
