import { KINDS, POLICY_KINDS } from '../documents/kinds.ts'

type Owns = (apiVersion: string, kind: string) => boolean

const ownKind = (apiVersion: string, kind: string): boolean =>
  POLICY_KINDS.some(own => own === kind && KINDS[own].apiVersion === apiVersion)

const CALICO: readonly string[] = ['projectcalico.org/v3', 'crd.projectcalico.org/v1']
const ADMIN: readonly string[] = ['AdminNetworkPolicy', 'BaselineAdminNetworkPolicy']

/**
 * Whose documents are which, in the order in which they are asked. Apart from the translations: who only asks whose a
 * document is need not load them all. NetworkPolicies are read with Calico's, among which they have a place.
 */
const OWNS = {
  own: (apiVersion, kind) => kind !== 'NetworkPolicy' && ownKind(apiVersion, kind),
  admin: (apiVersion, kind) => apiVersion === 'policy.networking.k8s.io/v1alpha1' && ADMIN.includes(kind),
  calico: (apiVersion, kind) =>
    CALICO.includes(apiVersion) || (apiVersion === 'networking.k8s.io/v1' && kind === 'NetworkPolicy'),
  cilium: apiVersion => apiVersion.startsWith('cilium.io/'),
  neuvector: apiVersion => apiVersion.startsWith('neuvector.com/'),
} as const satisfies Record<string, Owns>

export type ProductName = keyof typeof OWNS
export const PRODUCT_NAMES = Object.keys(OWNS) as readonly ProductName[]

/** Which product's translation reads such documents; undefined where none does. */
export const ownerOf = (apiVersion: string, kind: string): ProductName | undefined =>
  PRODUCT_NAMES.find(name => OWNS[name](apiVersion, kind))

/** Whether it is a policy, or part of one, of another product that the importer reads. */
export const isForeignPolicy = (apiVersion: string, kind: string): boolean =>
  ownerOf(apiVersion, kind) !== undefined && !ownKind(apiVersion, kind)
