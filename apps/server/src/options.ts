import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  fail,
  isRecord,
  type JsonRecord,
  listAt,
  MODES,
  type Mode,
  ok,
  PROTECTION_WORDS,
  type ProtectionWord,
  parseIp,
  type Result,
} from '@sekisho/core'

/** Where a listener binds: `127.0.0.1:7443`, `[::1]:7443`, `localhost:7443`, `0.0.0.0:7443`. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface ServerOptions {
  /** Directory of the database and of the authority's key. */
  readonly data: string
  /** API and console. */
  readonly listen: Endpoint
  /** Agents, with mutual TLS. */
  readonly agents: Endpoint
  /** More host names the server goes by, for its certificates and the check of `Host`. */
  readonly names: readonly string[]
  readonly console: string
  readonly lab: boolean
  readonly retention: { readonly maxAgeMs: number; readonly maxBytes: number }
  /** Present where the server runs for a cluster: as the pod it is, or as a kubeconfig file says. */
  readonly kubernetes?: {
    readonly kubeconfig?: string
    readonly context?: string
    /** Where the API server asks about policies before it stores them; absent: nowhere. */
    readonly webhook?: Endpoint
    /** How it gets there; absent: by the Service `sekisho-server` of the own namespace. */
    readonly webhookUrl?: URL
    /** Namespaces in which anyone may take back protection; absent: everywhere, nobody is asked whether they may. */
    readonly guardExempt?: readonly string[]
    /** Pods are told, by a condition of theirs, when their rules are in the kernel. */
    readonly podConditions?: boolean
    /** One of several servers of the cluster: it answers only while it holds the lease. */
    readonly elected?: boolean
    /** Mode of NetworkPolicies that say none; absent: Enforce. */
    readonly networkPolicies?: Mode
    /** Whether policies are enforced for pods that say nothing of it; absent: they are. */
    readonly firewall?: ProtectionWord
  }
}

export type Command =
  | { readonly kind: 'serve'; readonly options: ServerOptions }
  | { readonly kind: 'login-link'; readonly data: string }
  | {
      readonly kind: 'join-token'
      readonly data: string
      readonly minutes: number
      readonly node: string | undefined
    }
  | { readonly kind: 'token'; readonly data: string; readonly name: string; readonly days: number }
  | { readonly kind: 'status'; readonly data: string }
  /** `pod`: what agents become, as `agent.remove` of the chart makes them. */
  | { readonly kind: 'remove-agents'; readonly pod: JsonRecord }
  | { readonly kind: 'help' }

export const HELP = `Usage: sekisho-server [options]              run the server
       sekisho-server login-link --data DIR   print a one-time link to log in (valid 15 minutes)
       sekisho-server join-token --data DIR   print a token that lets one agent join once
       sekisho-server token --data DIR        print an API token for scripts
       sekisho-server status --data DIR       print what is known of its agents, as JSON
       sekisho-server remove-agents --pod JSON  let all nodes of this pod's cluster undo what agents did, and wait

  --data DIR            database and keys                        (/var/lib/sekisho/server)
  --listen HOST:PORT    API and console                          (127.0.0.1:7443)
  --agents HOST:PORT    agents, mutual TLS                       (127.0.0.1:7444)
  --name HOST           a name the server is reached by; repeat  (localhost)
  --console DIR         the built console
  --lab                 say that the workloads are samples
  --kubernetes          take workloads and policies from the cluster this pod runs in
  --kubeconfig FILE     or from the one that a kubeconfig file names
  --context NAME        its context                              (its current one)
  --elected             one of several servers: answer only while it leads
  --webhook HOST:PORT   let its API server ask before it stores a policy
  --webhook-url URL     and how it gets there                    (the Service sekisho-server)
  --guard               and whether who takes back protection may
  --guard-exempt NS     but not in that namespace; repeat        (the own one)
  --pod-conditions      tell each pod when its rules are in the kernel (sekisho.dev/Enforced)
  --network-policies MODE  of those that say none: Enforce, Audit or Learn (Enforce)
  --firewall WORD       for pods that say nothing of it: enabled, disabled or required (enabled)
  --retention-days N    keep flows and events so long            (30)
  --retention-gb N      and at most so much                      (4)

  join-token: --minutes N (60)  --node NAME (any)
  token:      --name NAME (script)  --days N (90)
`

const DAY_MS = 86_400_000
const GIGABYTE = 1_000_000_000

function endpoint(text: string): Result<Endpoint, string> {
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<host>[^:]*)):(?<port>\d{1,5})$/.exec(text)
  const port = Number(match?.groups?.port)
  if (!match || port > 65_535) return fail(`"${text}" is not HOST:PORT`)
  const host = match.groups?.six ?? match.groups?.host ?? ''
  return ok({ host: host === '' ? '0.0.0.0' : host, port })
}

/** Numbers and endpoints of one command line; collects every mistake before saying any. */
class Mistakes {
  readonly found: string[] = []

  endpoint(text: string): Endpoint {
    const read = endpoint(text)
    if (read.ok) return read.value
    this.found.push(read.error)
    return { host: '', port: 0 }
  }
  /** @returns the URL; nowhere where it is none. API servers call webhooks over TLS only. */
  url(name: string, text: string): URL {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url?.protocol !== 'https:') this.found.push(`--${name} must be an https URL`)
    return url ?? new URL('https://invalid')
  }
  mode(name: string, text: string): Mode {
    const mode = MODES.find(each => each === text)
    if (!mode) this.found.push(`--${name} must be one of ${MODES.join(', ')}`)
    return mode ?? 'Enforce'
  }
  word(name: string, text: string): ProtectionWord {
    const word = PROTECTION_WORDS.find(each => each === text)
    if (!word) this.found.push(`--${name} must be one of ${PROTECTION_WORDS.join(', ')}`)
    return word ?? 'enabled'
  }
  /** A pod that would undo nothing would be waited for, and what agents did be said to be gone. */
  undoingPod(name: string, text: string): JsonRecord {
    try {
      const json: unknown = JSON.parse(text)
      if (isRecord(json) && listAt(json, 'initContainers').length > 0) return json
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
    this.found.push(`--${name} must be the spec of a pod with initContainers, in JSON`)
    return {}
  }
  number(name: string, text: string, [least, most]: readonly [number, number]): number {
    const value = Number(text)
    if (!(value >= least && value <= most)) this.found.push(`--${name} must be ${least} to ${most}`)
    return value
  }
}

const OPTIONS = {
  data: { type: 'string', default: '/var/lib/sekisho/server' },
  listen: { type: 'string', default: '127.0.0.1:7443' },
  agents: { type: 'string', default: '127.0.0.1:7444' },
  name: { type: 'string', multiple: true, default: [] as string[] },
  console: { type: 'string', default: join(import.meta.dirname, '../../console/dist') },
  lab: { type: 'boolean', default: false },
  kubernetes: { type: 'boolean', default: false },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  elected: { type: 'boolean', default: false },
  webhook: { type: 'string' },
  'webhook-url': { type: 'string' },
  guard: { type: 'boolean', default: false },
  'pod-conditions': { type: 'boolean', default: false },
  'guard-exempt': { type: 'string', multiple: true, default: [] as string[] },
  'network-policies': { type: 'string' },
  firewall: { type: 'string' },
  'retention-days': { type: 'string', default: '30' },
  'retention-gb': { type: 'string', default: '4' },
  minutes: { type: 'string', default: '60' },
  days: { type: 'string', default: '90' },
  node: { type: 'string' },
  pod: { type: 'string', default: '' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** @returns the command, or every mistake in it. */
export function parseCommand(args: readonly string[]): Result<Command, readonly string[]> {
  let parsed: ReturnType<typeof read>
  try {
    parsed = read(args)
  } catch (error) {
    return fail([error instanceof Error ? error.message : String(error)])
  }
  const { values, positionals } = parsed
  const mistakes = new Mistakes()
  const command = values.help ? ({ kind: 'help' } as const) : commandOf(positionals, values, mistakes)
  if (!command) return fail([`unknown command "${positionals.join(' ')}"`])
  return mistakes.found.length > 0 ? fail(mistakes.found) : ok(command)
}

const read = (args: readonly string[]) =>
  parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true })

function commandOf(
  [kind = 'serve', ...rest]: readonly string[],
  values: ReturnType<typeof read>['values'],
  mistakes: Mistakes,
): Command | undefined {
  const { data } = values
  if (rest.length > 0) return undefined
  switch (kind) {
    case 'serve':
      return { kind, options: serverOptions(values, mistakes) }
    case 'login-link':
    case 'status':
      return { kind, data }
    case 'join-token':
      return {
        kind,
        data,
        minutes: mistakes.number('minutes', values.minutes, [1, 1_440]),
        node: values.node,
      }
    case 'token':
      return {
        kind,
        data,
        name: values.name[0] ?? 'script',
        days: mistakes.number('days', values.days, [1, 365]),
      }
    case 'remove-agents':
      return { kind, pod: mistakes.undoingPod('pod', values.pod) }
    default:
      return undefined
  }
}

function kubernetesOf(
  values: ReturnType<typeof read>['values'],
  mistakes: Mistakes,
): Pick<ServerOptions, 'kubernetes'> {
  const { kubernetes, kubeconfig, context, webhook, 'webhook-url': url, 'network-policies': mode } = values
  const { firewall, elected, guard, 'guard-exempt': guardExempt } = values
  if (guard && webhook === undefined) mistakes.found.push('--guard needs --webhook')
  if (!kubernetes && kubeconfig === undefined) {
    if (context ?? webhook ?? url ?? mode ?? firewall ?? (elected || undefined))
      mistakes.found.push(
        '--context, --elected, --webhook, --network-policies and --firewall need --kubernetes or --kubeconfig',
      )
    return {}
  }
  return {
    kubernetes: {
      ...(kubeconfig !== undefined && { kubeconfig }),
      ...(context !== undefined && { context }),
      ...(webhook !== undefined && { webhook: mistakes.endpoint(webhook) }),
      ...(url !== undefined && { webhookUrl: mistakes.url('webhook-url', url) }),
      ...(elected && { elected }),
      ...(guard && { guardExempt }),
      ...(values['pod-conditions'] && { podConditions: true }),
      ...(firewall !== undefined && { firewall: mistakes.word('firewall', firewall) }),
      ...(mode !== undefined && { networkPolicies: mistakes.mode('network-policies', mode) }),
    },
  }
}

const serverOptions = (values: ReturnType<typeof read>['values'], mistakes: Mistakes): ServerOptions => ({
  data: values.data,
  listen: mistakes.endpoint(values.listen),
  agents: mistakes.endpoint(values.agents),
  names: values.name,
  console: values.console,
  lab: values.lab,
  ...kubernetesOf(values, mistakes),
  retention: {
    maxAgeMs: mistakes.number('retention-days', values['retention-days'], [1, 3_650]) * DAY_MS,
    maxBytes: mistakes.number('retention-gb', values['retention-gb'], [0.01, 10_000]) * GIGABYTE,
  },
})

/** Plain HTTP is allowed only where nobody else can listen in. */
export function isLoopback(host: string): boolean {
  const ip = parseIp(host)
  if (!ip) return host === 'localhost'
  return ip.family === 4 ? ip.value >> 24n === 127n : ip.value === 1n
}
