import { type Cidr, NAME_LABEL, parseCidr } from '@sekisho/core'
import type { Entity, Peer } from '../documents/document.ts'
import { ENTITY_LABEL } from '../documents/external-workload.ts'

const block = (text: string): Peer => {
  const cidr = parseCidr(text)
  if (!cidr.ok) throw new TypeError(`${text}: ${cidr.error}`)
  return { kind: 'block', cidr: cidr.value satisfies Cidr, except: [] }
}

const told = (entity: Entity): Peer => ({
  kind: 'externals',
  selector: { matchLabels: { [ENTITY_LABEL]: entity } },
})

/** Entities that other peers say; the rest (`world`, `cluster`, `host`) is where an address is, see `Place`. */
export const ENTITY_PEERS = {
  /** Control-plane nodes (kubeadm's label), and what the installation is told where they are not nodes of it. */
  'kube-apiserver': [
    {
      kind: 'hosts',
      selector: { matchExpressions: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' }] },
    },
    told('kube-apiserver'),
  ],
  /** The cluster's name service by its documented label, NodeLocal DNSCache's address, and what the installation is told. */
  dns: [
    {
      kind: 'pods',
      namespaceSelector: { matchLabels: { [NAME_LABEL]: 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    },
    block('169.254.20.10/32'),
    told('dns'),
  ],
  /** Instance metadata of AWS, Azure, Google Cloud and others; of AWS over IPv6; of Alibaba Cloud. */
  metadata: [
    block('169.254.169.254/32'),
    block('fd00:ec2::254/128'),
    block('100.100.100.200/32'),
    told('metadata'),
  ],
} as const satisfies Partial<Record<Entity, readonly Peer[]>>

/** Where an address is, as nothing but the model can tell: on the subject's own node, inside, or in the world. */
export type Place = Exclude<Entity, keyof typeof ENTITY_PEERS>

/** Of places that an address is in whoever asks: serials as selections and blocks have them. */
export const PLACE_SERIALS = { world: 0, cluster: 1 } as const satisfies Partial<Record<Place, number>>
/** Of selections and blocks, from here on. */
export const FIRST_SERIAL = 2
