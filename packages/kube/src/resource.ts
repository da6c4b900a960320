/** One kind of object of the API, and where it is found. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Lower-case plural, as in URLs. */
  readonly plural: string
  readonly namespaced: boolean
  /** Not every cluster has its definition. */
  readonly mayBeMissing?: boolean
}

export const apiVersionOf = ({ group, version }: ResourceType): string =>
  group === '' ? version : `${group}/${version}`

const inGroup =
  (group: string, version: string) =>
  (kind: string, plural: string, namespaced: boolean): ResourceType => ({
    group,
    version,
    kind,
    plural,
    namespaced,
  })
const core = inGroup('', 'v1')
const own = inGroup('sekisho.dev', 'v1alpha1')

/** By which people find what Sekisho made for itself. */
export const OWN_LABELS = { 'app.kubernetes.io/part-of': 'sekisho' } as const

export const PODS = core('Pod', 'pods', true)
export const NODES = core('Node', 'nodes', false)
export const CONFIG_MAPS = core('ConfigMap', 'configmaps', true)
export const SECRETS = core('Secret', 'secrets', true)
export const EVENTS = core('Event', 'events', true)
export const NAMESPACES = core('Namespace', 'namespaces', false)
export const NETWORK_POLICIES = inGroup('networking.k8s.io', 'v1')('NetworkPolicy', 'networkpolicies', true)
/** Of the network policy API's own project: a cluster has it where somebody installed it. */
export const CLUSTER_NETWORK_POLICIES: ResourceType = {
  ...inGroup('policy.networking.k8s.io', 'v1alpha2')('ClusterNetworkPolicy', 'clusternetworkpolicies', false),
  mayBeMissing: true,
}
/** Of the policy working group, and what came after it: a cluster has them where somebody installed them. */
export const POLICY_REPORTS: ResourceType = {
  ...inGroup('wgpolicyk8s.io', 'v1alpha2')('PolicyReport', 'policyreports', true),
  mayBeMissing: true,
}
export const OPEN_REPORTS: ResourceType = {
  ...inGroup('openreports.io', 'v1alpha1')('Report', 'reports', true),
  mayBeMissing: true,
}
export const DAEMON_SETS = inGroup('apps', 'v1')('DaemonSet', 'daemonsets', true)
export const LEASES = inGroup('coordination.k8s.io', 'v1')('Lease', 'leases', true)
export const CUSTOM_RESOURCE_DEFINITIONS = inGroup('apiextensions.k8s.io', 'v1')(
  'CustomResourceDefinition',
  'customresourcedefinitions',
  false,
)
export const VALIDATING_WEBHOOKS = inGroup('admissionregistration.k8s.io', 'v1')(
  'ValidatingWebhookConfiguration',
  'validatingwebhookconfigurations',
  false,
)
export const SECURITY_POLICIES = own('SecurityPolicy', 'securitypolicies', true)
export const CLUSTER_SECURITY_POLICIES = own('ClusterSecurityPolicy', 'clustersecuritypolicies', false)
export const SECURITY_PROFILES = own('SecurityProfile', 'securityprofiles', false)
export const APPLICATIONS = own('Application', 'applications', false)
export const EXTERNAL_WORKLOADS = own('ExternalWorkload', 'externalworkloads', true)
export const RESPONSE_RULES = own('ResponseRule', 'responserules', false)

export interface Place {
  readonly namespace?: string | undefined
  readonly name?: string | undefined
  readonly subresource?: 'status' | undefined
}

/** The URL path of a collection or of one object. Names come from users: each is one path segment, whatever it holds. */
export function pathOf(type: ResourceType, { namespace, name, subresource }: Place = {}): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`
  const parts = [
    ...(type.namespaced && namespace !== undefined ? ['namespaces', namespace] : []),
    type.plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource ? [subresource] : []),
  ]
  return `${root}/${parts.map(segment).join('/')}`
}

/** A name of dots alone would climb to another path, encoded or not. */
function segment(text: string): string {
  if (text === '' || /^\.+$/.test(text)) throw new TypeError(`${JSON.stringify(text)} is not a name`)
  return encodeURIComponent(text)
}
