/** Questions about all flows, and expectations, which are such questions. */
export { check, portsOf } from '../expect/check.ts'
export { readExpectations } from '../expect/parse.ts'
export { parseSentence } from '../expect/sentence.ts'
export { prove } from './prove.ts'
