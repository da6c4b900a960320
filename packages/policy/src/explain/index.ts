/** One question about one flow. */
export { parsePort } from '../expect/sentence.ts'
export { findEnd } from './end.ts'
export { explain } from './explain.ts'
export { explainSentences } from './sentences.ts'
