/** Documents alone, for programs that read them and ask nothing: the rest of the engine is not loaded. */
export { parseDocuments, parsePolicies } from './parse.ts'
export { policyToYaml, withMode } from './write.ts'
