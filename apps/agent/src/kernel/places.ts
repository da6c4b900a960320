import { isDeepStrictEqual } from 'node:util'
import { byService, familyBits, type Workload, type WorkloadId } from '@sekisho/core'
import type { Port } from '@sekisho/dataplane'
import {
  type Guest,
  guests,
  type Link,
  links,
  openRouteFinder,
  type Route,
  type RouteFinder,
  withPrograms,
} from '@sekisho/linux'
import type { OwnInterface } from '../world.ts'

/** Where this node's kernel can tell a workload's packets from others'. */
export type Place =
  /** Routed: an interface that leads to it and to nobody else. */
  | { readonly kind: 'interface'; readonly interface: string }
  /** Behind a bridge: told apart by address, and held to its addresses where its port is known. */
  | { readonly kind: 'port'; readonly interface?: string }
  /** Told apart by address alone. */
  | { readonly kind: 'address' }
  /** The kernel would send its packets out of the node: they may come and go without passing it. */
  | { readonly kind: 'elsewhere'; readonly through: string }

/** What places are found from. */
export interface Surroundings {
  routeTo(ip: string): Route | undefined
  link(index: number): Link | undefined
  /** The one port of this bridge behind which somebody has that address. */
  portAt(ip: string, bridge: number): string | undefined
}

export type Places = ReadonlyMap<WorkloadId, Place>

const ADDRESS: Place = { kind: 'address' }
/** Links with one other end, which is where a CNI plugin puts a pod; whatever its own name or plugin. */
const TO_ONE_END: ReadonlySet<string | undefined> = new Set(['veth', 'netkit', 'tun'])

/**
 * A route for one address alone, without a gateway, over a link with one other end: that is what every routed CNI
 * plugin makes of a pod (Calico, Cilium with endpoint routes, the clouds' own), and nobody but root can make it.
 */
function wayTo(ip: string, { routeTo, link: linkOf, portAt }: Surroundings): Place {
  const route = routeTo(ip)
  const link = route?.link === undefined ? undefined : linkOf(route.link)
  if (!route || !link || route.type !== 'unicast' || link.loopback) return ADDRESS
  if (link.kind === 'bridge' && route.gateway === undefined) {
    const port = portAt(ip, link.index)
    return { kind: 'port', ...(port !== undefined && { interface: port }) }
  }
  if (!TO_ONE_END.has(link.kind)) return { kind: 'elsewhere', through: link.name }
  const isOnlyIts = route.prefix === familyBits(route.family) && route.gateway === undefined
  return isOnlyIts && link.master === undefined ? { kind: 'interface', interface: link.name } : ADDRESS
}

/** All its addresses must lead to the same place. */
function placeOf({ addresses, interface: known }: Workload, around: Surroundings): Place {
  if (known !== undefined) return { kind: 'interface', interface: known }
  const [first = ADDRESS, ...others] = addresses.map(ip => wayTo(ip, around))
  return others.every(other => isDeepStrictEqual(other, first)) ? first : ADDRESS
}

const hasPlace = ({ hostNetwork, state, kind, addresses }: Workload): boolean =>
  !hostNetwork && state !== 'finished' && kind !== 'host' && kind !== 'external' && addresses.length > 0

/**
 * The places of a node's workloads. An interface is one workload's: who had it keeps it, and of two who come together
 * neither gets it, since it would take the other's packets for its own.
 * @param before what was found last.
 */
export function findPlaces(own: readonly Workload[], around: Surroundings, before: Places): Places {
  const owned = new Set<string>()
  const found = new Map<WorkloadId, Place>()
  for (const workload of own.filter(hasPlace).toSorted(byService)) {
    // Of a workload that goes and one that came with its address, the address is the new one's.
    const isItsOwn = workload.addresses.every(ip => !owned.has(ip))
    for (const ip of workload.addresses) owned.add(ip)
    found.set(workload.id, isItsOwn ? placeOf(workload, around) : ADDRESS)
  }
  for (const ids of Map.groupBy(found.keys(), id => interfaceOf(found.get(id))).values()) {
    if (ids.length < 2) continue
    const holders = ids.filter(id => interfaceOf(before.get(id)) === interfaceOf(found.get(id)))
    for (const id of ids) if (holders.length !== 1 || id !== holders[0]) release(found, id)
  }
  return found
}

function release(found: Map<WorkloadId, Place>, id: WorkloadId): void {
  const place = found.get(id)
  if (interfaceOf(place) !== undefined) found.set(id, place?.kind === 'port' ? { kind: 'port' } : ADDRESS)
}

export const interfaceOf = (place: Place | undefined): string | undefined =>
  place?.kind === 'interface' || place?.kind === 'port' ? place.interface : undefined

/** A node's workloads and the interfaces by which its kernel knows them. */
export class PlaceFinder implements Disposable {
  readonly #netns: string | undefined
  readonly #routes: RouteFinder
  #own: ReadonlyMap<WorkloadId, Workload> = new Map()
  #places: Places = new Map()
  #programs: readonly string[] = []
  #routeTo = new Map<string, Route | undefined>()
  #links: ReadonlyMap<number, Link> | undefined
  /** Who is behind which port of a bridge, by the port's index. To ask is to enter their namespaces. */
  readonly #guests = new Map<number, Guest>()
  /** Ports whose guests were asked for since `renew`. */
  readonly #asked = new Set<number>()

  constructor(netns: string | undefined) {
    this.#netns = netns
    this.#routes = openRouteFinder({ netns })
  }

  /** Links and routes are read again when they are needed; who was found behind a port is still there. */
  renew(): void {
    this.#routeTo = new Map()
    this.#links = undefined
    this.#asked.clear()
  }

  /** Guests are asked again too. */
  forget(): void {
    this.renew()
    this.#guests.clear()
  }

  /** @returns the interfaces that lead to one workload each. */
  find(own: readonly Workload[]): ReadonlyMap<WorkloadId, OwnInterface> {
    const around: Surroundings = {
      routeTo: ip => this.#route(ip),
      link: index => this.#linkAt(index),
      portAt: (ip, bridge) => this.#portAt(ip, bridge),
    }
    this.#own = new Map(own.map(each => [each.id, each]))
    this.#places = findPlaces(own, around, this.#places)
    const indexes = new Map([...this.#linksByIndex().values()].map(({ name, index }) => [name, index]))
    const routed = [...this.#places].flatMap(([id, place]) =>
      place.kind === 'interface'
        ? [[id, { name: place.interface, index: indexes.get(place.interface) }] as const]
        : [],
    )
    return new Map(routed)
  }

  get places(): Places {
    return this.#places
  }

  /** Ports of bridges, and the addresses of who is behind them. */
  get ports(): readonly Port[] {
    return [...this.#places].flatMap(([id, place]) => {
      const addresses = this.#own.get(id)?.addresses ?? []
      return place.kind === 'port' && place.interface !== undefined
        ? [{ interface: place.interface, addresses }]
        : []
    })
  }

  /** Interfaces of workloads that programs of eBPF are attached to, as of the last `lookForPrograms`. */
  get programs(): readonly string[] {
    return this.#programs
  }

  lookForPrograms(): void {
    const names = new Set([...this.#places.values()].map(interfaceOf))
    const asked = [...this.#linksByIndex().values()].filter(({ name }) => names.has(name))
    const found = new Set(
      withPrograms(
        asked.map(({ index }) => index),
        { netns: this.#netns },
      ),
    )
    this.#programs = asked.filter(({ index }) => found.has(index)).map(({ name }) => name)
  }

  #route(ip: string): Route | undefined {
    if (!this.#routeTo.has(ip)) this.#routeTo.set(ip, this.#routes.to(ip))
    return this.#routeTo.get(ip)
  }

  #linksByIndex(): ReadonlyMap<number, Link> {
    this.#links ??= new Map(links({ netns: this.#netns }).map(link => [link.index, link]))
    return this.#links
  }

  /** A route leads over a link that came after they were read. */
  #linkAt(index: number): Link | undefined {
    if (!this.#linksByIndex().has(index)) this.#links = undefined
    return this.#linksByIndex().get(index)
  }

  #portAt(ip: string, bridge: number): string | undefined {
    const ports = [...this.#linksByIndex().values()].filter(({ master }) => master === bridge)
    this.#askBehind(ports)
    const found = ports.filter(({ index }) => this.#guests.get(index)?.addresses.includes(ip))
    return found.length === 1 ? found[0]?.name : undefined
  }

  #askBehind(ports: readonly Link[]): void {
    const behind = ports.filter(({ index }) => !this.#guests.has(index) && !this.#asked.has(index))
    if (behind.length === 0) return
    for (const { index } of behind) this.#asked.add(index)
    const indexes = new Map(behind.map(({ name, index }) => [name, index]))
    for (const guest of guests({ netns: this.#netns, behind })) {
      const index = indexes.get(guest.interface)
      // Whoever has no address yet is asked again.
      if (index !== undefined && guest.addresses.length > 0) this.#guests.set(index, guest)
    }
  }

  [Symbol.dispose](): void {
    this.#routes[Symbol.dispose]()
  }
}
