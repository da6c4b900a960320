import { statSync } from 'node:fs'
import { SystemError } from '../libc.ts'
import { addresses, links } from '../rtnetlink.ts'
import type { Address, Link } from '../rtnetlink-message.ts'
import { type ContainerName, containerOf } from './cgroup.ts'
import { type Process, processes } from './processes.ts'

/** One network namespace with the containers in it: a pod, a single container, or the host's with its guests. */
export interface Sandbox {
  readonly netns: number
  /** A process inside, through which the namespace can be entered. */
  readonly pid: number
  /** The containers share the host's network. */
  readonly host: boolean
  readonly containers: readonly (ContainerName & { readonly pid: number })[]
  /** Canonical texts of addresses others can reach it by; empty for the host's network. */
  readonly addresses: readonly string[]
  /** The host's end of its veth, if the packets that pass show it: not when it is a port of a bridge. */
  readonly interface?: string
}

export interface SandboxOptions {
  /** Name or path of the host's network namespace; default: the caller's. */
  readonly netns?: string | undefined
  readonly proc?: string
}

/** Finds the containers of this host without asking any runtime: by their control groups and namespaces. */
export function sandboxes({ netns, proc = '/proc' }: SandboxOptions = {}): Sandbox[] {
  const host = statSync(netns === undefined ? `${proc}/self/ns/net` : netnsFile(netns)).ino
  const hostLinks = links({ netns })
  return [...Map.groupBy(processes(proc), process => process.netns)].flatMap(([inode, members]) => {
    const containers = containersOf(members)
    const [first] = containers
    if (!first) return []
    const sandbox = { netns: inode, pid: first.pid, containers, host: inode === host }
    if (sandbox.host) return [{ ...sandbox, addresses: [] }]
    const network = networkOf(`${proc}/${first.pid}/ns/net`, hostLinks)
    return network ? [{ ...sandbox, ...network }] : []
  })
}

const netnsFile = (which: string): string => (which.includes('/') ? which : `/run/netns/${which}`)

/** Each container once, with the first of its processes. */
function containersOf(members: readonly Process[]): (ContainerName & { pid: number })[] {
  const found = new Map<string, ContainerName & { pid: number }>()
  for (const { pid, cgroups } of members) {
    const name = cgroups.map(containerOf).find(each => each !== undefined)
    if (name && !found.has(name.id)) found.set(name.id, { ...name, pid })
  }
  return [...found.values()]
}

/** Undefined when the last process ended meanwhile. */
function networkOf(
  path: string,
  hostLinks: readonly Link[],
): { addresses: string[]; interface?: string } | undefined {
  try {
    const name = hostSide(links({ netns: path }), hostLinks)
    const reachable = addresses({ netns: path }).filter(isReachable)
    return { addresses: reachable.map(({ ip }) => ip), ...(name !== undefined && { interface: name }) }
  } catch (error) {
    if (error instanceof SystemError) return undefined
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

const isReachable = ({ scope }: Address): boolean => scope === 'global' || scope === 'other'

/** A veth's ends name each other by index; both must, since an index alone means something in every namespace. */
function hostSide(inside: readonly Link[], hostLinks: readonly Link[]): string | undefined {
  for (const { kind, index, peer } of inside) {
    if (kind !== 'veth' || peer === undefined) continue
    const other = hostLinks.find(link => link.index === peer && link.kind === 'veth' && link.peer === index)
    if (other) return other.master === undefined ? other.name : undefined
  }
  return undefined
}
