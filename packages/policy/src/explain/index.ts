/** One question about one flow. */

export { parseEnd, parsePort } from '../expect/sentence.ts'
export { compileWorkloadSet } from '../prove/ends.ts'
export { explain } from './explain.ts'
export { explainSentences } from './sentences.ts'
