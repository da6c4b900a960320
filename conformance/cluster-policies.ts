import { type Truth, truthTables, type World } from './truth.ts'

const WORLD: World = {
  namespaces: { 'sensitive-ns': {}, 'monitoring-ns': {}, 'bar-ns-1': {}, 'foo-ns': {}, 'kube-system': {} },
  pods: {
    'sensitive-ns/vault': { app: 'vault' },
    'sensitive-ns/audit': { app: 'audit' },
    'monitoring-ns/scraper': { app: 'scraper' },
    'bar-ns-1/public': { app: 'svc-pub' },
    'bar-ns-1/private': { app: 'svc' },
    'foo-ns/client': { app: 'client' },
    'foo-ns/public': { app: 'svc-pub' },
    'kube-system/dns': { app: 'kube-dns' },
  },
}
const PODS = Object.keys(WORLD.pods)
const each = (pods: readonly string[], only: NonNullable<Truth['into']>[string]) =>
  Object.fromEntries(pods.map(pod => [pod, only]))

const OUTSIDE = { with: ['outside'] }
const [deny, allow, delegate, baseline] = [1, 2, 3, 5].map(story => `user-story-${story}.yaml`) as [
  string,
  string,
  string,
  string,
] // as many

/** The user stories of ClusterNetworkPolicy: a pod is no peer of what is outside, so that denying pods leaves it open. */
const TRUTHS: readonly Truth[] = [
  { files: [deny], into: each(['sensitive-ns/vault', 'sensitive-ns/audit'], OUTSIDE) },
  { files: [allow] },
  { files: [delegate] },
  { files: [baseline], into: each(PODS, OUTSIDE) },
  // Priority 10 is asked before 30: sensitive pods stay closed to monitoring.
  { files: [deny, allow], into: each(['sensitive-ns/vault', 'sensitive-ns/audit'], OUTSIDE) },
  // What the Admin tier accepts the Baseline is not asked about, for ingress; egress has no Baseline rule.
  { files: [allow, baseline], into: each(PODS, { with: ['outside', 'monitoring-ns/scraper'] }) },
  { files: [delegate, baseline], into: each(PODS, OUTSIDE) },
]

/** Two of them say in their comments that they cannot be implemented, and are no valid documents. */
export const clusterPolicies = truthTables('policy/clusternetworkpolicy-examples', WORLD, {
  truths: TRUTHS,
  refused: ['user-story-4-v1.yaml', 'user-story-4-v2.yaml'],
})
