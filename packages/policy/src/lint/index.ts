export { SEVERITIES } from './finding.ts'
export { lint } from './lint.ts'
export { toSarif } from './sarif.ts'
