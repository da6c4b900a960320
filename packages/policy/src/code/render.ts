import { type Direction, type Mode, NAME_LABEL, type PolicyDocumentJson } from '@sekisho/core'
import type { PolicyDocument } from '../documents/document.ts'
import { MODE_ANNOTATION } from '../documents/metadata.ts'
import { validatePolicy } from '../documents/validate.ts'
import type { App, AppPort, Connection, End, Space } from './cluster.ts'

export interface Code {
  readonly spaces: readonly Space[]
  /** Everything that may connect; the rest is denied, in both directions. */
  readonly connections: readonly Connection[]
  /** Enforce unless given. */
  readonly mode?: Mode
}

const selected = (app: App) => ({
  namespaceSelector: { matchLabels: { [NAME_LABEL]: app.namespace } },
  podSelector: { matchLabels: app.spec.labels },
})

const peers = (end: End): readonly Readonly<Record<string, unknown>>[] => {
  switch (end.kind) {
    case 'app':
      return [selected(end)]
    case 'outside':
      return [{ ipBlock: { cidr: end.cidr, ...(end.except.length > 0 && { except: end.except }) } }]
    case 'named':
      return end.names.map(fqdn => ({ fqdn }))
  }
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

const securityPolicy = (
  { namespace, name, mode }: Meta,
  spec: Readonly<Record<string, unknown>>,
): PolicyDocumentJson => ({
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'SecurityPolicy',
  metadata: { name, namespace },
  spec: { mode, ...spec },
})

const isSaid = ({ said, isDenied, to }: Connection): boolean =>
  said !== undefined || isDenied === true || to.kind === 'named'

/** Who receives judges what is said, else who sends: read once, where it matters. */
const ruleAt = (connection: Connection, direction: Direction, judges: boolean) => {
  const { from, to, ports, said, isDenied } = connection
  const [side, end] = direction === 'ingress' ? (['from', from] as const) : (['to', to] as const)
  const { requests, ...rest } = said ?? {}
  return {
    ...(isDenied && { action: 'Deny' }),
    [side]: peers(end),
    ports: ports.map(portJson),
    ...(judges && { ...rest, ...(requests && { l7: requests }) }),
  }
}

function appPolicy(app: App, { spaces, connections, mode = 'Enforce' }: Code): readonly PolicyDocumentJson[] {
  const is = (end: End) => end.kind === 'app' && end.namespace === app.namespace && end.name === app.name
  const isRendered = (end: End) => end.kind === 'app' && spaces.some(({ name }) => name === end.namespace)
  // Inside one policy the first rule that matches decides.
  const ordered = connections.toSorted((a, b) => Number(b.isDenied ?? false) - Number(a.isDenied ?? false))
  const [into, out] = [ordered.filter(({ to }) => is(to)), ordered.filter(({ from }) => is(from))]
  const ingress = into.map(each => ruleAt(each, 'ingress', true))
  // What is denied to a receiver of ours is denied there.
  const egress = out
    .filter(({ to, isDenied }) => !(isDenied && isRendered(to)))
    .map(each => ruleAt(each, 'egress', !isRendered(each.to)))
  const sections = { ...(ingress.length > 0 && { ingress }), ...(egress.length > 0 && { egress }) }
  if (Object.keys(sections).length === 0) return []
  const meta = { namespace: app.namespace, name: app.name, mode }
  const podSelector = { matchLabels: app.spec.labels }
  if (into.some(isSaid) || out.some(each => isSaid(each) && !isRendered(each.to)))
    return [securityPolicy(meta, { subject: { podSelector }, ...sections })]
  const policyTypes = [...(ingress.length > 0 ? ['Ingress'] : []), ...(egress.length > 0 ? ['Egress'] : [])]
  return [networkPolicy(meta, { podSelector, policyTypes, ...sections })]
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
 * Least-privilege policies: default deny with DNS in each namespace, and one policy for each app, with the sender's egress
 * and the receiver's ingress of every connection: a SecurityPolicy where a NetworkPolicy cannot say it. Read by the same reader as files; what it refuses is thrown.
 */
export function renderCode(code: Code): readonly PolicyDocument[] {
  const { spaces, mode = 'Enforce' } = code
  const documents: readonly PolicyDocumentJson[] = [
    ...spaces.map(({ name }) => baseline(name, mode)),
    ...appsOf(code).flatMap(app => appPolicy(app, code)),
  ]
  return documents.map(json => {
    const read = validatePolicy(json)
    if (read.ok) return read.value
    const [problem] = read.error
    throw new TypeError(`${JSON.stringify(json.metadata)}: ${problem?.path}: ${problem?.reason}`)
  })
}
