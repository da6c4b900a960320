/** Policies of other products, and Sekisho's as plain ones. */
export { exportNetworkPolicies } from '../export/export.ts'
export { importPolicies } from './import.ts'
