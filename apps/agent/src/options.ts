import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { canonicalIp, type NodeName } from '@sekisho/core'
import type { CniOptions } from './cni/chain.ts'
import { FALLBACKS, type GateOptions } from './gate/gate.ts'
import type { NriOptions } from './nri/plugin.ts'
import { DEFAULT_STATE } from './state-directory.ts'

export interface RunOptions {
  readonly kind: 'run'
  readonly server: URL
  /** Needed once; absent where this agent has joined already. */
  readonly join: JoinBy | undefined
  readonly state: string
  readonly node: NodeName
  readonly netns: string | undefined
  readonly workloads: string | undefined
  readonly containers: boolean
  readonly systemd: boolean
  /** Conversations that are read although no policy asks: the first ones of each service, all, or none. */
  readonly identify: Identify
  /** False: nothing is read, so that policies about applications and requests are not enforced. */
  readonly inspection: boolean
  /** Whose answers say where names lead, beside the cluster's own resolvers; absent: whom the node itself asks. */
  readonly resolvers: readonly string[] | undefined
  /** Whether connections to a name go on when its time is over. */
  readonly expiredNames: ExpiredNames
  /** Folder of lists of domains that profiles name. */
  readonly domainLists: string | undefined
  readonly metrics: { readonly host: string; readonly port: number } | undefined
  /** Present where a new pod waits for its rules; at most one of the two. */
  readonly cni: CniOptions | undefined
  readonly nri: NriOptions | undefined
  /** Folder of network configurations that the plugin is to be out of, where it is not to be in them. */
  readonly unchained: string | undefined
}

/** What the server lets an agent in for. */
export type JoinBy =
  | { readonly kind: 'token'; readonly token: string }
  /** Files of a pod: the token of its service account, and who signs the server's certificate, PEM. */
  | { readonly kind: 'service-account'; readonly token: string; readonly authority: string }

export const IDENTIFY = ['services', 'all', 'off'] as const
export type Identify = (typeof IDENTIFY)[number]

export const EXPIRED_NAMES = ['keep', 'cut'] as const
export type ExpiredNames = (typeof EXPIRED_NAMES)[number]

export type Command =
  | RunOptions
  | { readonly kind: 'uninstall'; readonly netns: string | undefined; readonly cniConfig: string | undefined }
  | { readonly kind: 'prepare'; readonly netns: string | undefined }
  | { readonly kind: 'status'; readonly state: string }
  | { readonly kind: 'help' }

/** A mistake on the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Where runtimes look that are told nothing else. */
const CNI_CONFIG = '/etc/cni/net.d'
const CNI_PLUGINS = '/opt/cni/bin'
const CNI_DIRECTORY = '/run/sekisho/cni'
/** A kubelet gives up on a runtime after two minutes. */
const CNI_WAIT_MOST = 100
const CNI_EXEMPT = 'kube-system,sekisho'

export const USAGE = `sekisho-agent: sees and enforces on one node

  sekisho-agent --server URL [options]      run until stopped; rules stay in the kernel
  sekisho-agent status [--state DIR]        what the running agent says about itself, as JSON
  sekisho-agent uninstall [--netns NAME] [--cni-config DIR]
                                            remove the kernel's rules, and the plugin from the network's
                                            configuration; default ${CNI_CONFIG}, without --netns
  sekisho-agent prepare [--netns NAME]      only let the kernel count packets, for an agent that may not switch that on

  --server URL        https address of the server's port for agents (or SEKISHO_AGENT_SERVER)
  --join-token TOKEN  needed once, from "sekisho-server join-token" (or SEKISHO_JOIN_TOKEN)
  --join-service-account FILE  or the token of a pod's service account, made for "sekisho-server";
  --authority FILE    then who signs the server's certificate, PEM
  --state DIR         keys, last state and spool; default ${DEFAULT_STATE}
  --node NAME         default: this machine's host name
  --netns NAME        network namespace to work in; default: the agent's own
  --workloads FILE    read workloads from a JSON file, and follow it
  --containers        find the containers of this host
  --systemd           find the systemd services of this host
  --identify WHAT     say what is spoken where no policy asks: services (default; each service once an
                      hour), all (each conversation), or off
  --no-inspection     read no conversations; policies about applications and requests are not enforced
  --resolvers LIST    addresses, separated by commas, of resolvers whose answers say where names lead, beside
                      the cluster's own; default: those in /etc/resolv.conf
  --expired-names WHAT  connections to a name whose time is over: keep (default) or cut
  --domain-lists DIR  lists of domains that profiles of DNS name, a file each; read at the start
  --metrics HOST:PORT serve /metrics, /livez and /readyz; loopback addresses only
  --cni-config DIR    let new pods' networks wait for their rules: add a plugin to the first network
                      configuration in DIR, for instance ${CNI_CONFIG}
  --cni off           instead take it out of all of them, once: an agent of before may have added it
  --cni-plugins DIR   where the runtime finds its programs; default ${CNI_PLUGINS}
  --nri SOCKET        or let new pods wait where their runtime asks its own plugins, for instance at
                      /var/run/nri/nri.sock; the options below are for both
  --cni-directory DIR where it asks, and where it is kept who was given which address; default ${CNI_DIRECTORY}
  --cni-fallback WHAT pods whose rules cannot be there in time: closed (default; tried again) or open
  --cni-wait SECONDS  how long a pod's start waits for its rules each time; default 10
  --cni-exempt LIST   namespaces, separated by commas, whose pods never wait; default ${CNI_EXEMPT}
`

const FLAGS = {
  server: { type: 'string' },
  'join-token': { type: 'string' },
  'join-service-account': { type: 'string' },
  authority: { type: 'string' },
  state: { type: 'string', default: DEFAULT_STATE },
  node: { type: 'string' },
  netns: { type: 'string' },
  workloads: { type: 'string' },
  containers: { type: 'boolean', default: false },
  systemd: { type: 'boolean', default: false },
  identify: { type: 'string', default: 'services' },
  'no-inspection': { type: 'boolean', default: false },
  resolvers: { type: 'string' },
  'expired-names': { type: 'string', default: 'keep' },
  'domain-lists': { type: 'string' },
  metrics: { type: 'string' },
  'cni-config': { type: 'string' },
  cni: { type: 'string', default: 'on' },
  'cni-plugins': { type: 'string', default: CNI_PLUGINS },
  nri: { type: 'string' },
  'cni-directory': { type: 'string', default: CNI_DIRECTORY },
  'cni-fallback': { type: 'string', default: 'closed' },
  'cni-wait': { type: 'string', default: '10' },
  'cni-exempt': { type: 'string', default: CNI_EXEMPT },
  help: { type: 'boolean', short: 'h', default: false },
} as const

type Values = ReturnType<typeof parse>['values']
type Environment = Readonly<Record<string, string | undefined>>

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowPositionals: true })
  } catch (error) {
    // Node's own sentence names the flag.
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** @throws UsageError */
export function parseCommand(args: readonly string[], environment: Environment): Command {
  const { values, positionals } = parse(args)
  const [command = 'run', ...rest] = positionals
  if (values.help) return { kind: 'help' }
  if (rest.length > 0) throw new UsageError(`unexpected: ${rest.join(' ')}`)
  switch (command) {
    case 'run':
      return runOptions(values, environment)
    case 'uninstall':
      return { kind: 'uninstall', netns: values.netns, cniConfig: values['cni-config'] ?? ownConfig(values) }
    case 'prepare':
      return { kind: 'prepare', netns: values.netns }
    case 'status':
      return { kind: 'status', state: values.state }
    default:
      throw new UsageError(`unknown command: ${command}`)
  }
}

function runOptions(values: Values, environment: Environment): RunOptions {
  return {
    kind: 'run',
    server: serverUrl(values.server ?? environment.SEKISHO_AGENT_SERVER),
    join: joinBy(values, environment),
    state: values.state,
    node: nodeName(values.node ?? hostname()),
    netns: values.netns,
    workloads: values.workloads,
    containers: values.containers,
    systemd: values.systemd,
    identify: oneOf('identify', IDENTIFY, values.identify),
    inspection: !values['no-inspection'],
    resolvers: values.resolvers === undefined ? undefined : addresses(values.resolvers),
    expiredNames: oneOf('expired-names', EXPIRED_NAMES, values['expired-names']),
    domainLists: values['domain-lists'],
    metrics: values.metrics === undefined ? undefined : metricsAddress(values.metrics),
    ...gates(values),
  }
}

/** The configurations of the machine are of the agent that is of all of it. */
const ownConfig = ({ netns }: Values): string | undefined => (netns === undefined ? CNI_CONFIG : undefined)

function gates(values: Values): Pick<RunOptions, 'cni' | 'nri' | 'unchained'> {
  const { 'cni-config': config, 'cni-plugins': plugins, nri: socket } = values
  const isOff = oneOf('cni', ['on', 'off'], values.cni) === 'off'
  if (isOff && config === undefined) throw new UsageError('--cni off needs --cni-config')
  if (!isOff && config !== undefined && socket !== undefined)
    throw new UsageError('--cni-config and --nri exclude each other: a pod waits once')
  const gate = gateOptions(values)
  return {
    cni: isOff || config === undefined ? undefined : { ...gate, config, plugins },
    nri: socket === undefined ? undefined : { ...gate, socket },
    unchained: isOff ? config : undefined,
  }
}

function gateOptions(values: Values): GateOptions {
  const fallback = oneOf('cni-fallback', FALLBACKS, values['cni-fallback'])
  const exempt = values['cni-exempt'].split(',').filter(name => name !== '')
  // They become words of a shell program.
  const wrong = exempt.find(name => !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
  if (wrong !== undefined) throw new UsageError(`--cni-exempt must be names of namespaces: ${wrong}`)
  const waitSeconds = Number(values['cni-wait'])
  if (!Number.isInteger(waitSeconds) || waitSeconds < 1 || waitSeconds > CNI_WAIT_MOST)
    throw new UsageError(`--cni-wait must be 1 to ${CNI_WAIT_MOST} seconds: ${values['cni-wait']}`)
  return { directory: values['cni-directory'], fallback, waitSeconds, exempt }
}

function joinBy(values: Values, environment: Environment): JoinBy | undefined {
  const { 'join-service-account': account, authority, 'join-token': token } = values
  if ((account === undefined) !== (authority === undefined))
    throw new UsageError('--join-service-account and --authority need each other')
  if (account !== undefined && authority !== undefined) {
    if (token !== undefined)
      throw new UsageError('--join-token and --join-service-account exclude each other')
    return { kind: 'service-account', token: account, authority }
  }
  // An empty one is of a file where it was taken out after the join.
  const given = token ?? environment.SEKISHO_JOIN_TOKEN ?? ''
  return given === '' ? undefined : { kind: 'token', token: given }
}

function oneOf<T extends string>(flag: string, words: readonly T[], text: string): T {
  const known = words.find(each => each === text)
  if (known === undefined) throw new UsageError(`--${flag} must be one of ${words.join(', ')}: ${text}`)
  return known
}

const addresses = (text: string): readonly string[] =>
  text.split(',').map(each => {
    const ip = canonicalIp(each.trim())
    if (ip === undefined) throw new UsageError(`--resolvers must be addresses: ${text}`)
    return ip
  })

function serverUrl(text: string | undefined): URL {
  if (text === undefined) throw new UsageError('--server is missing')
  const url = URL.parse(text)
  if (url?.protocol !== 'https:') throw new UsageError(`--server must be an https URL: ${text}`)
  return url
}

/** It becomes the common name of the agent's certificate. */
function nodeName(text: string): NodeName {
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(text)) {
    throw new UsageError(`--node must be letters, digits, ".", "_" or "-": ${text}`)
  }
  return text as NodeName // its shape was just checked
}

function metricsAddress(text: string): { host: string; port: number } {
  const match = /^(?<host>127(?:\.\d{1,3}){3}|localhost|\[::1\]):(?<port>\d{1,5})$/.exec(text)?.groups
  const port = Number(match?.port)
  if (!match?.host || port > 65_535)
    throw new UsageError(`--metrics must be a loopback address and port: ${text}`)
  return { host: match.host.replace(/^\[|\]$/g, ''), port }
}
