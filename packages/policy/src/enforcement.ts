/**
 * What a node enforces by, for programs that hold it in each of their threads: no text of a policy is read there, and
 * nobody asks why.
 */
export { outcomeOf } from './decision.ts'
export { definitionsIn } from './documents/defined.ts'
export { validatePolicy } from './documents/validate.ts'
export { mergeDeltas } from './model/change.ts'
export { dnsProfiles } from './model/dns-profiles.ts'
export { createModel } from './model/model.ts'
export { askResidual, residual } from './model/residual.ts'
export { createTableCompiler } from './table/compiler.ts'
export { isResolver } from './table/resolver.ts'
export { isEmptyChange } from './table.ts'
