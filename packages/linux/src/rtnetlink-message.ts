import { addressBytes, type Ip, Malformed, type Reader } from '@sekisho/core'
import { addressText } from './address-text.ts'
import { attribute, concat, eachAttribute, text, u8, u32le } from './netlink/message.ts'

/** A network interface (include/uapi/linux/if_link.h). */
export interface Link {
  readonly index: number
  readonly name: string
  /** `veth`, `bridge`, `vlan`…; absent for hardware and loopback. */
  readonly kind?: string
  readonly up: boolean
  readonly loopback: boolean
  /** Index of the bridge or bond it belongs to. */
  readonly master?: number
  /** For a veth: the peer's index in the peer's own namespace. */
  readonly peer?: number
  /** Id, in this namespace, of the one the peer is in; absent when it is this one. */
  readonly peerNetns?: number
}

export interface Address {
  readonly link: number
  readonly family: 4 | 6
  /** Canonical text. */
  readonly ip: string
  readonly prefix: number
  readonly scope: 'global' | 'link' | 'host' | 'other'
}

export interface Route {
  readonly family: 4 | 6
  /** Canonical text of the network; undefined for the default route. */
  readonly destination?: string
  readonly prefix: number
  readonly gateway?: string
  readonly link?: number
  /** `local`: to the namespace itself. `other`: a broadcast, a black hole, nothing that leads on. */
  readonly type: 'unicast' | 'local' | 'other'
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const IFLA = { name: 3, link: 5, master: 10, info: 18, peerNetns: 37 } as const
const INFO_KIND = 1
const FLAG_UP = 0x1
const FLAG_LOOPBACK = 0x8

function linkKind(info: Reader): string | undefined {
  let kind: string | undefined
  eachAttribute(info, (type, value) => {
    if (type === INFO_KIND) kind = text(value)
  })
  return kind
}

function linkField(type: number, value: Reader, link: Partial<Mutable<Link>>): void {
  if (type === IFLA.name) link.name = text(value)
  else if (type === IFLA.link) link.peer = value.u32le()
  else if (type === IFLA.master) link.master = value.u32le()
  else if (type === IFLA.peerNetns) link.peerNetns = value.u32le()
  else if (type === IFLA.info) {
    const kind = linkKind(value)
    if (kind !== undefined) link.kind = kind
  }
}

/** struct ifinfomsg: family:u8 pad:u8 type:u16 index:i32 flags:u32 change:u32. Raises `Malformed`. */
export function parseLink(body: Reader): Link {
  body.skip(4)
  const index = body.u32le()
  const flags = body.u32le()
  body.skip(4)
  const link: Partial<Mutable<Link>> = {}
  eachAttribute(body, (type, value) => linkField(type, value, link))
  const { name, ...rest } = link
  if (name === undefined) throw new Malformed('a link without name', body.at)
  return { ...rest, index, name, up: (flags & FLAG_UP) !== 0, loopback: (flags & FLAG_LOOPBACK) !== 0 }
}

const IFA = { address: 1, local: 2 } as const
const SCOPES = new Map([
  [0, 'global'],
  [253, 'link'],
  [254, 'host'],
] as const)

/** struct ifaddrmsg: family:u8 prefix:u8 flags:u8 scope:u8 index:u32. Raises `Malformed`. */
export function parseAddress(body: Reader): Address | undefined {
  const family = ipFamily(body.u8())
  const prefix = body.u8()
  body.skip(1)
  const scope = SCOPES.get(body.u8() as 0) ?? 'other'
  const link = body.u32le()
  let [local, address] = ['', '']
  eachAttribute(body, (type, value) => {
    if (type === IFA.local) local = addressText(value.bytes(value.left)) ?? ''
    else if (type === IFA.address) address = addressText(value.bytes(value.left)) ?? ''
  })
  // On a point-to-point link "address" is the peer's; "local" is ours (and absent for IPv6 elsewhere).
  const ip = local === '' ? address : local
  return family && ip !== '' ? { link, family, ip, prefix, scope } : undefined
}

const RTA = { destination: 1, outLink: 4, gateway: 5, via: 18 } as const
const ROUTE_TYPES = new Map([
  [1, 'unicast'],
  [2, 'local'],
] as const)

/** struct rtmsg: family, destination prefix, source prefix, tos, table, protocol, scope, type: u8; flags:u32. */
export function parseRoute(body: Reader): Route | undefined {
  const family = ipFamily(body.u8())
  const prefix = body.u8()
  body.skip(5)
  const type = ROUTE_TYPES.get(body.u8() as 1) ?? 'other'
  body.skip(4)
  const route: Partial<Mutable<Route>> = {}
  eachAttribute(body, (type, value) => {
    if (type === RTA.outLink) route.link = value.u32le()
    // struct rtvia: family:u16, and an address of it: a gateway of the other family.
    else if (type === RTA.via) route.gateway = addressText(value.bytes(value.left).subarray(2)) ?? ''
    else if (type === RTA.destination || type === RTA.gateway) {
      const ip = addressText(value.bytes(value.left))
      if (ip !== undefined) route[type === RTA.gateway ? 'gateway' : 'destination'] = ip
    }
  })
  return family && { ...route, family, prefix, type }
}

/** `RTM_F_FIB_MATCH`: the route as it is kept, with its own prefix, and not as it is used for this address. */
const FIB_MATCH = 0x2000

/** The question where one address leads: struct rtmsg and the address. */
export function routeRequest(ip: Ip): Uint8Array {
  const bytes = addressBytes(ip)
  const head = [u8(ip.family === 4 ? 2 : 10), u8(bytes.length * 8), new Uint8Array(6), u32le(FIB_MATCH)]
  return concat(...head, attribute(RTA.destination, bytes))
}

const ipFamily = (family: number): 4 | 6 | undefined => (family === 2 ? 4 : family === 10 ? 6 : undefined)
