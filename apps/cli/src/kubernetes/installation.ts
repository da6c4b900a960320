import { X509Certificate } from 'node:crypto'
import { isRecord, listAt, textAt, valueAt } from '@sekisho/core'
import { type Kubectl, KubectlError, Reading } from './kubectl.ts'

/** A node that agents are meant for. */
export interface NodeStatus {
  readonly node: string
  readonly agent: 'ready' | 'not ready' | 'missing'
  /** Why it is not ready. */
  readonly reason?: string
  readonly version?: string
  /** By the server: RFC 3339. */
  readonly lastSeen?: string
  /** Whether new pods wait for their rules. */
  readonly cni: 'on' | 'off'
  /** What cannot be enforced there and why, as the agent says. */
  readonly cannot: readonly string[]
}

/** Objects of one kind, by the conditions that are true. */
export interface KindStatus {
  readonly kind: string
  readonly objects: number
  readonly accepted: number
  /** Absent for kinds that are in no kernel. */
  readonly programmed?: number
}

/** Something of a policy that is not as it is written. */
export interface PolicyTrouble {
  /** `SecurityPolicy shop/web`. */
  readonly policy: string
  readonly reason: string
  readonly message: string
}

export interface Installation {
  readonly server: {
    readonly desired: number
    readonly ready: number
    readonly images: readonly string[]
    /** Who holds the lease. */
    readonly leader?: string
    readonly version?: string
    /** Why it could not be asked for what it knows of agents. */
    readonly trouble?: string
  }
  /** Absent: the API server asks nobody. */
  readonly webhook?: { readonly guardsProtection: boolean; readonly authorityUntil?: string }
  readonly nodes: readonly NodeStatus[]
  readonly kinds: readonly KindStatus[]
  readonly troubles: readonly PolicyTrouble[]
  /** Paths that the user may not read. */
  readonly unread: readonly string[]
}

const PAGE = 'limit=5000'
const KINDS = [
  'securitypolicies',
  'clustersecuritypolicies',
  'securityprofiles',
  'applications',
  'responserules',
  'externalworkloads',
] as const
/** As the agent says that its plugin is not in the node's configuration, or its runtime does not ask. */
const UNCHAINED = 'pods start before their rules are in the kernel'

const text = (json: unknown, ...path: readonly string[]): string => textAt(json, ...path) ?? ''
const count = (json: unknown, ...path: readonly string[]): number => Number(valueAt(json, ...path) ?? 0)
const nameOf = (json: unknown): string => text(json, 'metadata', 'name')
const condition = (json: unknown, type: string): unknown =>
  listAt(json, 'status', 'conditions').find(each => textAt(each, 'type') === type)

/** What a server says of itself (`sekisho-server status`). */
interface Word {
  readonly version?: string
  readonly agents: ReadonlyMap<string, unknown>
  readonly trouble?: string
}

async function askServer(kubectl: Kubectl, namespace: string): Promise<Word> {
  const program = ['/opt/sekisho/bin/sekisho-server', 'status', '--data', '/var/lib/sekisho/server']
  // Without a pod kubectl would wait for a minute.
  const patience = '--pod-running-timeout=5s'
  const exec = ['--namespace', namespace, 'exec', patience, 'service/sekisho-server', '--', ...program]
  try {
    const answer: unknown = JSON.parse(await kubectl.run(exec))
    const agents = new Map(listAt(answer, 'agents').map(each => [text(each, 'node'), each]))
    return { version: text(answer, 'version'), agents }
  } catch (error) {
    if (!(error instanceof KubectlError)) throw error
    return { agents: new Map(), trouble: error.message }
  }
}

/** Why a pod is not ready, as far as the kubelet or the scheduler says. */
function reasonOf(pod: unknown): string {
  const statuses = [
    ...listAt(pod, 'status', 'initContainerStatuses'),
    ...listAt(pod, 'status', 'containerStatuses'),
  ]
  const waiting = statuses.map(each => valueAt(each, 'state', 'waiting')).find(isRecord)
  const unmet = ['PodScheduled', 'Ready']
    .map(type => condition(pod, type))
    .find(each => text(each, 'status') === 'False')
  const said = waiting ?? unmet
  return [text(said, 'reason'), text(said, 'message')].filter(part => part !== '').join(': ')
}

interface Parts {
  readonly daemonSet: unknown
  readonly pods: readonly unknown[]
  readonly nodes: readonly unknown[]
  readonly word: Word
}

/** Nodes of the system that agents run on, and what is known of the agent of each. */
function nodesOf({ daemonSet, pods, nodes, word }: Parts): readonly NodeStatus[] {
  const byNode = new Map(pods.map(pod => [text(pod, 'spec', 'nodeName'), pod]))
  const [agent] = listAt(daemonSet, 'spec', 'template', 'spec', 'containers')
  const hasPlugin = listAt(agent, 'args').some(each => /^--(?:cni-config|nri)=/.test(String(each)))
  return nodes
    .filter(node => text(node, 'status', 'nodeInfo', 'operatingSystem') === 'linux')
    .map(node => {
      const name = nameOf(node)
      const [pod, said] = [byNode.get(name), word.agents.get(name)]
      const isReady = text(condition(pod, 'Ready'), 'status') === 'True'
      const reason = pod === undefined ? 'no agent’s pod is on it' : reasonOf(pod)
      const cannot = listAt(said, 'degraded').map(String)
      const [version, lastSeen] = [textAt(said, 'version'), textAt(said, 'lastSeen')]
      const isChained = hasPlugin && !cannot.some(each => each.startsWith(UNCHAINED))
      return {
        node: name,
        agent: pod === undefined ? 'missing' : isReady ? 'ready' : 'not ready',
        ...(!isReady && { reason }),
        ...(version !== undefined && { version }),
        ...(lastSeen !== undefined && { lastSeen }),
        cni: isChained ? 'on' : 'off',
        cannot,
      }
    })
}

function kindStatus(kind: string, objects: readonly unknown[]): KindStatus {
  const holding = (type: string) =>
    objects.filter(each => text(condition(each, type), 'status') === 'True').length
  const hasProgrammed = objects.some(each => condition(each, 'Programmed') !== undefined)
  return {
    kind,
    objects: objects.length,
    accepted: holding('Accepted'),
    ...(hasProgrammed && { programmed: holding('Programmed') }),
  }
}

const policyName = (kind: string, namespace: string, name: string): string =>
  `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`

/** Whichever condition first says no; what was not looked at yet is no trouble. */
function troubleOf(object: unknown, kind: string): readonly PolicyTrouble[] {
  const unmet = ['Accepted', 'Programmed', 'Connected', 'Conflicted']
    .map(type => condition(object, type))
    .find(each => text(each, 'status') === (text(each, 'type') === 'Conflicted' ? 'True' : 'False'))
  if (unmet === undefined) return []
  const policy = policyName(kind, text(object, 'metadata', 'namespace'), nameOf(object))
  return [{ policy, reason: text(unmet, 'reason'), message: text(unmet, 'message') }]
}

/** Of what is in force, parts that agents leave out, which the server says in events. */
const leftOut = (event: unknown): PolicyTrouble => ({
  policy: policyName(
    text(event, 'involvedObject', 'kind'),
    text(event, 'involvedObject', 'namespace'),
    text(event, 'involvedObject', 'name'),
  ),
  reason: text(event, 'reason'),
  message: text(event, 'message'),
})

function webhookOf(configuration: unknown): Installation['webhook'] {
  const webhooks = listAt(configuration, 'webhooks')
  if (webhooks.length === 0) return undefined
  const pem = Buffer.from(text(webhooks[0], 'clientConfig', 'caBundle'), 'base64').toString()
  return {
    guardsProtection: webhooks.some(each => text(each, 'name') === 'protection.sekisho.dev'),
    ...(pem !== '' && { authorityUntil: new Date(new X509Certificate(pem).validTo).toISOString() }),
  }
}

/** How an installation is: by the cluster's own word, and what its server says of agents. @throws where the cluster cannot be reached. */
export async function readInstallation(kubectl: Kubectl, namespace: string): Promise<Installation> {
  const { get, unread } = new Reading(kubectl)
  const items = async (path: string) => listAt(await get(path), 'items')
  const apps = `/apis/apps/v1/namespaces/${namespace}`
  const servers = await get(`${apps}/statefulsets/sekisho-server`)
  const lease = await get(`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/sekisho-server`)
  const webhooks = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
  const webhook = webhookOf(await get(`${webhooks}/sekisho`))
  const word = await askServer(kubectl, namespace)
  const selector = 'labelSelector=app.kubernetes.io%2Fname%3Dsekisho-agent'
  const nodes = nodesOf({
    daemonSet: await get(`${apps}/daemonsets/sekisho-agent`),
    pods: await items(`/api/v1/namespaces/${namespace}/pods?${selector}&${PAGE}`),
    nodes: await items(`/api/v1/nodes?${PAGE}`),
    word,
  })
  const kinds: KindStatus[] = []
  const troubles: PolicyTrouble[] = []
  for (const plural of KINDS) {
    const list = await get(`/apis/sekisho.dev/v1alpha1/${plural}?${PAGE}`)
    const kind = text(list, 'kind').replace(/List$/, '')
    const objects = listAt(list, 'items')
    if (objects.length === 0) continue
    kinds.push(kindStatus(kind, objects))
    troubles.push(...objects.flatMap(object => troubleOf(object, kind)))
  }
  const events = await items(`/api/v1/events?fieldSelector=reason%3DNotEnforced%2Ctype%3DWarning&${PAGE}`)
  const own = events.filter(each => text(each, 'reportingComponent') === 'sekisho-server')
  const images = listAt(servers, 'spec', 'template', 'spec', 'containers').map(each => text(each, 'image'))
  const leader = textAt(lease, 'spec', 'holderIdentity')
  return {
    server: {
      desired: count(servers, 'spec', 'replicas'),
      ready: count(servers, 'status', 'readyReplicas'),
      images,
      ...(leader && { leader }),
      ...(word.version !== undefined && { version: word.version }),
      ...(word.trouble !== undefined && { trouble: word.trouble }),
    },
    ...(webhook && { webhook }),
    nodes,
    kinds,
    troubles: [...troubles, ...own.map(leftOut)],
    unread,
  }
}

/** Whether it does what it should: the server answers, and every node has an agent. */
export const isWell = ({ server, nodes }: Installation): boolean =>
  server.ready > 0 && server.trouble === undefined && nodes.every(({ agent }) => agent === 'ready')
