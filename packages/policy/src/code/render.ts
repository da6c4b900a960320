import { type Mode, NAME_LABEL, type PolicyDocumentJson } from '@sekisho/core'
import type { PolicyDocument } from '../documents/document.ts'
import { MODE_ANNOTATION } from '../documents/metadata.ts'
import { validatePolicy } from '../documents/validate.ts'
import type { App, AppPort, Connection, Outside, Space } from './cluster.ts'

export interface Code {
  readonly spaces: readonly Space[]
  /** Everything that may connect; the rest is denied, in both directions. */
  readonly connections: readonly Connection[]
  /** Enforce unless given. */
  readonly mode?: Mode
}

const peer = (end: App | Outside) =>
  end.kind === 'outside'
    ? { ipBlock: { cidr: end.cidr, ...(end.except.length > 0 && { except: end.except }) } }
    : {
        namespaceSelector: { matchLabels: { [NAME_LABEL]: end.namespace } },
        podSelector: { matchLabels: end.spec.labels },
      }

const portJson = (port: AppPort) =>
  typeof port === 'number' ? { port, protocol: 'TCP' } : { port: port.port, protocol: port.protocol }

type Meta = { readonly namespace: string; readonly name: string; readonly mode: Mode }

const networkPolicy = (
  { namespace, name, mode }: Meta,
  spec: Readonly<Record<string, unknown>>,
): PolicyDocumentJson => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace, ...(mode !== 'Enforce' && { annotations: { [MODE_ANNOTATION]: mode } }) },
  spec,
})

/** Nothing in, nothing out but DNS: without names no other rule would ever be used. */
const baseline = (namespace: string, mode: Mode): PolicyDocumentJson =>
  networkPolicy(
    { namespace, name: 'default-deny', mode },
    {
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        {
          to: [
            {
              namespaceSelector: { matchLabels: { [NAME_LABEL]: 'kube-system' } },
              podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
            },
          ],
          ports: [portJson({ port: 53, protocol: 'UDP' }), portJson(53)],
        },
      ],
    },
  )

function appPolicy(app: App, connections: readonly Connection[], mode: Mode): readonly PolicyDocumentJson[] {
  const is = (end: App | Outside) =>
    end.kind === 'app' && end.namespace === app.namespace && end.name === app.name
  const ingress = connections
    .filter(({ to }) => is(to))
    .map(({ from, ports }) => ({ from: [peer(from)], ports: ports.map(portJson) }))
  const egress = connections
    .filter(({ from }) => is(from))
    .map(({ to, ports }) => ({ to: [peer(to)], ports: ports.map(portJson) }))
  const types = [...(ingress.length > 0 ? ['Ingress'] : []), ...(egress.length > 0 ? ['Egress'] : [])]
  if (types.length === 0) return []
  const policy = networkPolicy(
    { namespace: app.namespace, name: app.name, mode },
    {
      podSelector: { matchLabels: app.spec.labels },
      policyTypes: types,
      ...(ingress.length > 0 && { ingress }),
      ...(egress.length > 0 && { egress }),
    },
  )
  return [policy]
}

/** Every app that takes part, each once, in the order of the namespaces and connections. */
function appsOf({ spaces, connections }: Code): readonly App[] {
  const known = new Set(spaces.map(({ name }) => name))
  const all = [
    ...spaces.flatMap(({ apps }) => Object.values(apps)),
    ...connections.flatMap(({ from, to }) => [from, to]),
  ]
  const apps = all.filter((end): end is App => end.kind === 'app' && known.has(end.namespace))
  return [...new Map(apps.map(app => [`${app.namespace}/${app.name}`, app])).values()]
}

/**
 * Least-privilege NetworkPolicies: default deny with DNS in each namespace, and one policy for each app, with the
 * sender's egress and the receiver's ingress of every connection. Read by the same reader as files; what it refuses is thrown.
 */
export function renderCode(code: Code): readonly PolicyDocument[] {
  const { spaces, connections, mode = 'Enforce' } = code
  const documents: readonly PolicyDocumentJson[] = [
    ...spaces.map(({ name }) => baseline(name, mode)),
    ...appsOf(code).flatMap(app => appPolicy(app, connections, mode)),
  ]
  return documents.map(json => {
    const read = validatePolicy(json)
    if (read.ok) return read.value
    const [problem] = read.error
    throw new TypeError(`${JSON.stringify(json.metadata)}: ${problem?.path}: ${problem?.reason}`)
  })
}
