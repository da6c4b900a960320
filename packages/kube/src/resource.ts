/** One kind of object of the API, and where it is found. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Lower-case plural, as in URLs. */
  readonly plural: string
  readonly namespaced: boolean
}

export const apiVersionOf = ({ group, version }: ResourceType): string =>
  group === '' ? version : `${group}/${version}`

const core = (kind: string, plural: string, namespaced = true): ResourceType => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  namespaced,
})

export const PODS = core('Pod', 'pods')
export const NODES = core('Node', 'nodes', false)
export const NAMESPACES = core('Namespace', 'namespaces', false)
export const EVENTS: ResourceType = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
}
export const NETWORK_POLICIES: ResourceType = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  namespaced: true,
}
export const LEASES: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
}
export const CUSTOM_RESOURCE_DEFINITIONS: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
}

export const VALIDATING_WEBHOOKS: ResourceType = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  namespaced: false,
}

const own = (kind: string, plural: string, namespaced: boolean): ResourceType => ({
  group: 'sekisho.dev',
  version: 'v1alpha1',
  kind,
  plural,
  namespaced,
})
export const SECURITY_POLICIES = own('SecurityPolicy', 'securitypolicies', true)
export const SECURITY_PROFILES = own('SecurityProfile', 'securityprofiles', false)
export const APPLICATIONS = own('Application', 'applications', false)
export const CLUSTER_SECURITY_POLICIES = own('ClusterSecurityPolicy', 'clustersecuritypolicies', false)

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
