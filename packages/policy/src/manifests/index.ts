/** Files of a cluster and the model of them, without the questions that can be asked of it. */
export { modelOfManifests, readManifests } from './manifests.ts'
