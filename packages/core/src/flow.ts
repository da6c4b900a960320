import type { Direction, EpochMs, RuleId, WorkloadId } from './ids.ts'
import type { CountedRequest } from './request-name.ts'

export type Transport = 'TCP' | 'UDP' | 'SCTP'
/** IANA protocol; those without a name here are written by number, as in `IP/47`. */
export type Protocol = Transport | 'ICMP' | 'ICMPv6' | `IP/${number}`

const NUMBERS = { ICMP: 1, TCP: 6, UDP: 17, ICMPv6: 58, SCTP: 132 } as const
const NAMES = new Map<number, Protocol>(
  Object.entries(NUMBERS).map(([name, number]) => [number, name as keyof typeof NUMBERS]),
)

export const protocolName = (number: number): Protocol => NAMES.get(number) ?? `IP/${number}`
export const protocolNumber = (protocol: Protocol): number =>
  protocol in NUMBERS ? NUMBERS[protocol as keyof typeof NUMBERS] : Number(protocol.slice(3))
export const hasPorts = (protocol: Protocol): protocol is Transport =>
  protocol === 'TCP' || protocol === 'UDP' || protocol === 'SCTP'

/** How a policy is applied: Learn records, Audit decides and reports but lets pass, Enforce acts. */
export type Mode = 'Learn' | 'Audit' | 'Enforce'
export const MODES = ['Learn', 'Audit', 'Enforce'] as const satisfies readonly Mode[]

export type Verdict = 'allow' | 'deny'

/**
 * Why a verdict is what it is. Closed: the console translates each, metrics label by it,
 * and a new one does not compile until it is handled everywhere.
 */
export const REASONS = [
  'self', // to its own address: not subject to policy
  'own-node', // from the workload's own node: health probes must always reach it
  'not-selected', // no policy selects either side in the direction that matters
  'rule-allow', // a rule allows it
  'rule-deny', // a rule denies it by name
  'isolated', // policies select the workload and none of their rules allows it
  'application-mismatch', // rules allow the port, but for another application than is spoken there
  'name-mismatch', // a rule allows a name that led to the address, and the client asks for another one there
  'inspecting', // it passes while it is read: what is said decides
  'spoofed-source', // the source address is not the workload's own
  'invalid-state', // the kernel's connection tracking calls the packet invalid
  'quarantine', // the workload is cut off
  'malformed', // the packet could not be read
  'engine-error', // our own failure; the policy's onFailure decided
] as const
export type Reason = (typeof REASONS)[number]

/**
 * What happened to the traffic. `audited`: it passed, but would be denied if the policies in Audit were enforced.
 */
export const OUTCOMES = ['allowed', 'audited', 'denied'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** What conversations say of themselves besides the application; closed, so that each has words in the console. */
export const FLOW_DETAILS = [
  'certificate-names', // of the server, separated by blanks
  'client-software', // as it names itself: User-Agent, SSH banner, driver
  'command', // of FTP, SMTP, IMAP, POP3, without arguments
  'database',
  'ech', // the TLS hello hides another one; the name it shows is of the front
  'encrypted', // it went over to TLS by STARTTLS or the like
  'host', // the name that the client says it wants to reach, by SNI, Host or a proxy's command
  'ja4', // fingerprint of a TLS client's hello
  'protocol-version',
  'server-software',
  'user', // who signs in; never a password
] as const

const RECORDED: ReadonlySet<string> = new Set(FLOW_DETAILS)
export const isFlowDetail = (name: string): name is FlowDetail['detail'] => RECORDED.has(name)

/** Printable and bounded; of a user that looks like a key only a `*`. */
export interface FlowDetail {
  readonly detail: (typeof FLOW_DETAILS)[number]
  readonly value: string
}

/** One end of a flow. An end without a workload is outside: only its address is known. */
export interface FlowEnd {
  readonly workload?: WorkloadId
  readonly ip: string
}

/**
 * One edge during one reporting window: all conversations between two ends on one port with one outcome.
 * Counts are what was added since the last record of the same edge, never totals.
 */
export interface Flow {
  readonly source: FlowEnd
  readonly destination: FlowEnd
  readonly protocol: Protocol
  /** Destination port after DNAT; the ICMP type for ICMP; 0 where the protocol has neither. */
  readonly port: number
  /** What is really spoken, once known; `unknown` where it was looked for and is none of those that are known. */
  readonly application?: string
  readonly outcome: Outcome
  /** The side whose policy decided; absent when no policy selects either. */
  readonly direction?: Direction
  readonly by?: RuleId
  readonly why: Reason
  /** New conversations, or denied attempts. */
  readonly connections: number
  readonly packets: number
  readonly bytesToDestination: number
  readonly bytesToSource: number
  readonly first: EpochMs
  readonly last: EpochMs
  /** Requests of the window that were judged and met this outcome, at most `LIMITS.requestsPerFlow`. */
  readonly requests?: readonly CountedRequest[]
  /** Each once, at most `LIMITS.detailsPerFlow`: of conversations that were read, whatever became of them. */
  readonly details?: readonly FlowDetail[]
}
