export type { JsonRecord } from '@sekisho/core'
export { type ClusterAccess, type Credentials, inClusterAccess, kubeconfigAccess } from './client/access.ts'
export { type KubeCall, type KubeClient, type KubeClientOptions, openKubeClient } from './client/client.ts'
export { isConflict, isExpired, isNotFound, KubeError, KubeMalformed } from './client/errors.ts'
export { KubeObjects, type ObjectPage, type Selection, type Writer } from './client/objects.ts'
export { type Column, type CustomKind, definitionOf } from './crd/definition.ts'
export {
  DOCUMENT_COLUMNS,
  EXTERNAL_WORKLOAD_COLUMNS,
  EXTERNAL_WORKLOAD_STATUS,
  POLICY_COLUMNS,
  POLICY_STATUS,
  RESPONSE_COLUMNS,
  RESPONSE_STATUS,
} from './crd/status.ts'
export { Election, type ElectionOptions } from './lease/election.ts'
export { type KubeObject, objectKey, readObject } from './object.ts'
export { podWorkload } from './objects/pod.ts'
export * from './resource.ts'
export { type Deed, type Requester, reviewAccess } from './review/access-review.ts'
export { reviewToken, type TokenOwner } from './review/token-review.ts'
export { type Reflected, Reflector, type ReflectorOptions } from './watch/reflector.ts'
