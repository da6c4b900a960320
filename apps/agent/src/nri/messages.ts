import {
  canonicalIp,
  fail,
  LIMITS,
  Malformed,
  ok,
  type Result,
  type WorkloadId,
  workloadId,
} from '@sekisho/core'
import { isAttachmentName } from '../gate/attachments.ts'
import { Fields, message, text } from './protobuf.ts'

/*
 * Of `nri.pkg.api.v1alpha1` (pkg/api/api.proto of github.com/containerd/nri) what we need, and of ttrpc's request.proto.
 * Until NRI 0.11 what happens to pods comes as `StateChange`, from 0.12 on each as a method of its own, which the runtime
 * tries first; a plugin that knows both needs no second try.
 */

const PLUGIN = 'nri.pkg.api.v1alpha1.Plugin'
const RUNTIME = 'nri.pkg.api.v1alpha1.Runtime'

/** Codes of https://grpc.github.io/grpc/core/md_doc_statuscodes.html, which ttrpc answers with. */
export const STATUS = { invalidArgument: 3, unimplemented: 12, unavailable: 14 } as const
export type Status = (typeof STATUS)[keyof typeof STATUS]

const EVENT = { run: 1, stop: 2, remove: 3 } as const

/** A pod as a runtime sees it. */
export interface Sandbox {
  readonly id: string
  readonly namespace: string
  readonly workload: WorkloadId
  /** Canonical texts; none of older runtimes, and of pods with the host's network. */
  readonly addresses: readonly string[]
  /** Path of its network namespace, empty where that is not told; absent where it is the host's. */
  readonly netns?: string
  /** Its process; 0 where it has ended, and of runtimes that start none. */
  readonly pid: number
}

/** What the runtime asks or tells. Pods are read for themselves: what becomes of one that cannot be is not for us to say. */
export type Asked =
  /** How long it waits for an answer; 0 where it does not say. */
  | { readonly kind: 'configure'; readonly requestMs: number }
  | { readonly kind: 'synchronize'; readonly pods: readonly Uint8Array[]; readonly more: boolean }
  | { readonly kind: 'run'; readonly pod: Uint8Array }
  | { readonly kind: 'gone'; readonly pod: Uint8Array }
  /** Nothing that concerns us. */
  | { readonly kind: 'other' }
  | { readonly kind: 'unknown'; readonly method: string }

/** The one place where a message that cannot be read ends; any other error is a mistake of ours. */
function attempt<T>(read: () => T): Result<T, string> {
  try {
    return ok(read())
  } catch (error) {
    if (error instanceof Malformed) return fail(error.message)
    throw error
  }
}

/** What a request asks, or why it cannot be read. */
export const parseRequest = (bytes: Uint8Array): Result<Asked, string> =>
  attempt(() => {
    const call = new Fields(bytes)
    const [service, method] = [call.text(1), call.text(2)]
    return service === PLUGIN
      ? asked(method, new Fields(call.bytes(3)))
      : { kind: 'unknown', method: `${service}/${method}` }
  })

function asked(method: string, request: Fields): Asked {
  switch (method) {
    case 'Configure':
      return { kind: 'configure', requestMs: request.number(5) }
    case 'Synchronize':
      return { kind: 'synchronize', pods: listOf(request.all(1)), more: request.number(3) !== 0 }
    case 'RunPodSandbox':
      return { kind: 'run', pod: request.bytes(1) }
    case 'StopPodSandbox':
    case 'RemovePodSandbox':
      return { kind: 'gone', pod: request.bytes(1) }
    case 'StateChange':
      return stateChange(request.number(1), request.bytes(2))
    case 'Shutdown':
      return { kind: 'other' }
    default:
      return { kind: 'unknown', method }
  }
}

function stateChange(event: number, pod: Uint8Array): Asked {
  switch (event) {
    case EVENT.run:
      return { kind: 'run', pod }
    case EVENT.stop:
    case EVENT.remove:
      return { kind: 'gone', pod }
    default:
      return { kind: 'other' }
  }
}

const PODS_MOST = LIMITS.workloadsPerNode.value
function listOf(pods: Generator<Uint8Array>): readonly Uint8Array[] {
  const list = pods.take(PODS_MOST + 1).toArray()
  if (list.length > PODS_MOST) throw new Malformed(`more than ${PODS_MOST} pods`, 0)
  return list
}

/** A pod as the runtime tells of it, or why it cannot be read. */
export const parseSandbox = (bytes: Uint8Array): Result<Sandbox, string> =>
  attempt(() => sandboxOf(new Fields(bytes)))

function sandboxOf(pod: Fields): Sandbox {
  const [id, name, namespace] = [pod.text(1), pod.text(2), pod.text(4)]
  if (!isAttachmentName(id)) throw new Malformed('a sandbox whose id is not valid', 0)
  if (name === '' || namespace === '') throw new Malformed('a sandbox without a name', 0)
  const netns = netnsOf(new Fields(pod.bytes(8)))
  return {
    id,
    namespace,
    workload: workloadId('pod', namespace, name),
    addresses: addressesOf(pod.all(10)),
    ...(netns !== undefined && { netns }),
    pid: pod.number(9),
  }
}

function addressesOf(texts: Iterable<Uint8Array>): readonly string[] {
  const addresses: string[] = []
  for (const bytes of texts) {
    const ip = canonicalIp(text(bytes))
    if (ip === undefined || addresses.length === LIMITS.addressesPerWorkload.value)
      throw new Malformed('a sandbox whose addresses are none, or too many', 0)
    addresses.push(ip)
  }
  return addresses
}

/** The host's is not listed; one without a path is the pod's own, but not to be found. */
function netnsOf(linux: Fields): string | undefined {
  for (const bytes of linux.all(5)) {
    const namespace = new Fields(bytes)
    // /var/run is /run (FHS 3.0), and only that is shared with containers.
    if (namespace.text(1) === 'network') return namespace.text(2).replace(/^\/var\/run\//, '/run/')
  }
  return undefined
}

/** Our part of the conversation; each is the whole payload of a frame. */

export const registration = (name: string, index: string): Uint8Array =>
  message([1, RUNTIME], [2, 'RegisterPlugin'], [3, message([1, name], [2, index])])

/** The events that we are told of, as bits. */
const SUBSCRIBED = Object.values(EVENT).reduce((bits, event) => bits | (1 << (event - 1)), 0)

export const configured = (): Uint8Array => done(message([2, SUBSCRIBED]))
export const synchronized = (more: boolean): Uint8Array => done(message([2, more ? 1 : 0]))
export const done = (payload: Uint8Array = message()): Uint8Array => message([2, payload])

/** What a reason may be long: with all around it, it fits into one frame. */
const REASON_MOST = 500
export const refused = (status: Status, reason: string): Uint8Array =>
  message([1, message([1, status], [2, reason.slice(0, REASON_MOST)])])

/** Why the runtime did not agree; undefined where it did. */
export const refusalOf = (response: Uint8Array): Result<string | undefined, string> =>
  attempt(() => {
    const status = new Fields(new Fields(response).bytes(1))
    return status.number(1) === 0 ? undefined : status.text(2) || `status ${status.number(1)}`
  })
