import { parseIp, type Reader } from '@sekisho/core'
import { SystemError } from './libc.ts'
import { receiveOn, rethrow } from './netlink/receiver.ts'
import { dumpNow, NETLINK, NetlinkSocket } from './netlink/socket.ts'
import {
  type Address,
  type Link,
  parseAddress,
  parseLink,
  parseRoute,
  type Route,
  routeRequest,
} from './rtnetlink-message.ts'

/** include/uapi/linux/rtnetlink.h. */
const MESSAGE = {
  newLink: 16,
  getLink: 18,
  newAddress: 20,
  getAddress: 22,
  newRoute: 24,
  getRoute: 26,
} as const
const GROUP = { link: 1, address4: 5, route4: 7, address6: 9, route6: 11 } as const

export interface NetnsOption {
  /** Name or path of the network namespace; default: the caller's. */
  readonly netns?: string | undefined
}

interface Question<T> {
  readonly get: number
  readonly answer: number
  /** Size of the family's fixed header; zeros ask for everything. */
  readonly header: number
  readonly parse: (body: Reader) => T | undefined
}

function ask<T>({ netns }: NetnsOption, { get, answer, header, parse }: Question<T>): T[] {
  using socket = new NetlinkSocket(NETLINK.route, { netns })
  return dumpNow(socket, { type: get, body: new Uint8Array(header) }, ({ type }, body) =>
    type === answer ? parse(body) : undefined,
  )
}

export const links = (options: NetnsOption = {}): Link[] =>
  ask(options, { get: MESSAGE.getLink, answer: MESSAGE.newLink, header: 16, parse: parseLink })

export const addresses = (options: NetnsOption = {}): Address[] =>
  ask(options, { get: MESSAGE.getAddress, answer: MESSAGE.newAddress, header: 8, parse: parseAddress })

export const routes = (options: NetnsOption = {}): Route[] =>
  ask(options, { get: MESSAGE.getRoute, answer: MESSAGE.newRoute, header: 12, parse: parseRoute })

/** Where the kernel finds no way to an address. */
const NO_ROUTE = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EINVAL', 'EACCES', 'EAFNOSUPPORT', 'ENODEV'])

/** Asks the kernel where it would send packets to addresses, policy rules and all; each answer is a route as it is kept. */
export interface RouteFinder extends Disposable {
  /** Undefined where there is no way, and for what is no address. @throws SystemError for anything else. */
  to(ip: string): Route | undefined
}

export function openRouteFinder({ netns }: NetnsOption = {}): RouteFinder {
  const socket = new NetlinkSocket(NETLINK.route, { netns })
  return {
    to(text) {
      const ip = parseIp(text)
      if (!ip) return undefined
      let found: Route | undefined
      try {
        socket.request({ type: MESSAGE.getRoute, body: routeRequest(ip) }, ({ type }, body) => {
          if (type === MESSAGE.newRoute) found = parseRoute(body)
        })
      } catch (error) {
        if (!(error instanceof SystemError) || !NO_ROUTE.has(error.code)) throw error
      }
      return found
    },
    [Symbol.dispose]: () => socket.close(),
  }
}

export interface LinkWatchOptions extends NetnsOption {
  /** Also tell of routes that come and go. */
  readonly routes?: boolean
  /** A link or an address changed; ask again. Called once per batch, also when messages were lost. */
  onChange(): void
  /** Nothing more will come; default: thrown where nobody catches it. */
  onFailed?(error: Error): void
}

/** One new container is a dozen messages; asking anew for each would cost more than waiting for them. */
const GATHER_MS = 10

/** Tells that links or addresses changed, never which: the answer of `links` is always the whole truth. */
export function watchLinks({
  netns,
  routes = false,
  onChange,
  onFailed = rethrow,
}: LinkWatchOptions): Disposable {
  const more = routes ? [GROUP.route4, GROUP.route6] : []
  const groups = [GROUP.link, GROUP.address4, GROUP.address6, ...more]
  const socket = new NetlinkSocket(NETLINK.route, { netns, groups })
  const close = receiveOn(socket, {
    gatherMs: GATHER_MS,
    onDatagrams: onChange,
    onLost: onChange,
    onFailed,
  })
  return { [Symbol.dispose]: close }
}
