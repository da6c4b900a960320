import { listAt, textAt } from '@sekisho/core'
import { getRaw, type Kubectl } from './kubectl.ts'
import { type Made, made, manifests, NAMESPACE } from './manifests.ts'

/** Written by the server itself, and therefore in no manifest. */
const SERVERS_OWN = [
  ['validatingwebhookconfiguration', 'sekisho', undefined],
  ['configmap', 'sekisho-authority', NAMESPACE],
  ['lease', 'sekisho-server', NAMESPACE],
] as const

/**
 * Of servers together, written by themselves too. They go together or not at all: with the key and without the list of
 * those who were removed, these would be agents again.
 */
const SERVERS_SHARED = [
  'secret/sekisho-authority',
  'configmap/sekisho-revoked',
  'configmap/sekisho-responses',
]
/** Of an agent on its node: nothing of the cluster reaches it any more. */
const ON_NODES = '/var/lib/sekisho/agent of every node: its agent’s key, and records that were not sent'

/** What it found, in reports of kinds that not every cluster has: one in each namespace. */
const REPORTS = [
  ['policyreports.wgpolicyk8s.io', '/apis/wgpolicyk8s.io/v1alpha2/policyreports'],
  ['reports.openreports.io', '/apis/openreports.io/v1alpha1/reports'],
] as const

/** What holds what people wrote and what was recorded: it goes only when that is said. */
const KEPT = new Set(['CustomResourceDefinition', 'Namespace'])
/** Volumes of servers, which their StatefulSet asks for: they go with the namespace. */
const CLAIMS = `/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims?labelSelector=app.kubernetes.io%2Fpart-of%3Dsekisho`

export interface RemovalOptions {
  /** Also policies, records and the namespace. */
  readonly everything: boolean
  readonly onStep: (line: string) => void
}

/** How long nodes may take to start a pod that removes their rules. */
const ROLLOUT = '15m'

interface PodSpec {
  readonly containers: readonly Record<string, unknown>[]
}

const RESTING = 'removed'
/** There are no rules left to go on under. */
const ALL_AT_ONCE = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%', maxSurge: 0 } }

/** The same pod, with rules removed before it starts to rest; as `agent.remove` of the chart makes it. */
function resting({ containers: [agent] }: PodSpec): object {
  const { image, imagePullPolicy, securityContext, args, volumeMounts } = agent ?? {}
  const cni = (Array.isArray(args) ? args : []).filter(each => String(each).startsWith('--cni-config='))
  const program = { image, imagePullPolicy }
  const remove = {
    ...program,
    name: 'remove',
    command: ['/opt/sekisho/bin/sekisho-agent', 'uninstall'],
    args: cni,
    securityContext,
    volumeMounts,
  }
  const capabilities = { drop: ['ALL'] }
  const removed = {
    ...program,
    name: RESTING,
    command: ['sleep', 'infinity'],
    securityContext: { allowPrivilegeEscalation: false, capabilities },
  }
  return {
    spec: {
      updateStrategy: ALL_AT_ONCE,
      template: { spec: { initContainers: [remove], containers: [removed] } },
    },
  }
}

const DAEMON_SET = `/apis/apps/v1/namespaces/${NAMESPACE}/daemonsets/sekisho-agent`

interface DaemonSet {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: { readonly template: { readonly spec: PodSpec } }
}

/** Rules outlive their agent, so that every node removes its own before the agents go. */
async function removeRules(
  kubectl: Kubectl,
  daemonSet: DaemonSet,
  onStep: (line: string) => void,
): Promise<void> {
  const { spec } = daemonSet.spec.template
  const place = ['--namespace', NAMESPACE]
  // Begun before, and not ended: it goes on.
  if (spec.containers[0]?.name !== RESTING) {
    const patch = `--patch=${JSON.stringify(resting(spec))}`
    await kubectl.run([...place, 'patch', 'daemonset/sekisho-agent', '--type=merge', patch])
  }
  onStep('every node removes its rules; nothing is enforced any more when all have')
  await kubectl.run([...place, 'rollout', 'status', 'daemonset/sekisho-agent', `--timeout=${ROLLOUT}`])
  onStep('removed the rules from the kernel of every node')
}

const described = ({ kind, metadata }: Made): string => `${kind} ${metadata.name}`

/** What is still there. */
export interface Left {
  readonly stays: readonly string[]
  /** What removes it, as a command. */
  readonly command?: string
}

/** Removes an installation. Where a node does not answer it stops before anything else is removed: its rules would stay. */
export async function remove(kubectl: Kubectl, { everything, onStep }: RemovalOptions): Promise<Left> {
  const daemonSet = (await getRaw(kubectl, DAEMON_SET)) as DaemonSet | undefined // as the API server has it
  if (daemonSet) await removeRules(kubectl, daemonSet, onStep)
  else onStep('there are no agents')
  const release = daemonSet?.metadata.annotations?.['meta.helm.sh/release-name']
  if (release !== undefined) return helmsPart(release, everything)
  const objects = await made(manifests({ mode: 'observe' }))
  const going = objects.filter(({ kind }) => everything || !KEPT.has(kind)).toReversed()
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: going })
  say(await kubectl.run(['delete', '--ignore-not-found', '-f', '-'], list), onStep)
  // After the server, which would write it again.
  for (const [kind, name, namespace] of SERVERS_OWN) {
    const place = namespace === undefined ? [] : ['--namespace', namespace]
    say(await kubectl.run([...place, 'delete', kind, name, '--ignore-not-found']), onStep)
  }
  for (const [kind, path] of REPORTS) {
    if ((await getRaw(kubectl, `${path}?limit=1`)) === undefined) continue
    const own = ['--all-namespaces', '--field-selector=metadata.name=sekisho']
    say(await kubectl.run(['delete', kind, ...own, '--ignore-not-found']), onStep)
  }
  if (everything) return { stays: [ON_NODES] }
  const kept = objects.filter(({ kind }) => KEPT.has(kind)).map(described)
  return { stays: [...kept, ...(await inNamespace(kubectl)), ON_NODES], command: commandFor(true) }
}

const commandFor = (everything: boolean): string =>
  `kubectl sekisho uninstall${everything ? ' --everything' : ''}`

/** Helm knows nothing of what servers wrote themselves, and is told by the chart to leave definitions. */
const helmsPart = (release: string, everything: boolean): Left => ({
  stays: [`the Helm release ${release}, and what its server wrote`],
  command: `helm uninstall ${release} --namespace ${NAMESPACE} && ${commandFor(everything)}`,
})

/** What servers keep there, by kind and name. */
async function inNamespace(kubectl: Kubectl): Promise<readonly string[]> {
  const claims = listAt(await getRaw(kubectl, CLAIMS), 'items')
  // Names only: one of them is a private key.
  const names = ['--namespace', NAMESPACE, 'get', ...SERVERS_SHARED, '--ignore-not-found', '--output=name']
  const shared = (await kubectl.run(names)).split('\n').filter(line => line !== '')
  return [...claims.map(claim => `PersistentVolumeClaim ${textAt(claim, 'metadata', 'name')}`), ...shared]
}

function say(output: string, onStep: (line: string) => void): void {
  for (const line of output.split('\n')) if (line !== '') onStep(line)
}
