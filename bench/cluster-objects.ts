import type { JsonRecord, PolicyDocumentJson, Workload } from '@sekisho/core'
import {
  CLUSTER_NETWORK_POLICIES,
  CLUSTER_SECURITY_POLICIES,
  NAMESPACES,
  NETWORK_POLICIES,
  PODS,
  pathOf,
  type ResourceType,
  SECURITY_POLICIES,
} from '@sekisho/kube'

const TYPES = [NETWORK_POLICIES, CLUSTER_NETWORK_POLICIES, SECURITY_POLICIES, CLUSTER_SECURITY_POLICIES]

export interface Placed {
  readonly type: ResourceType
  readonly place: { readonly name: string; readonly namespace?: string }
  readonly json: JsonRecord
}

export const placedPath = ({ type, place }: Placed): string => pathOf(type, place)

const HASH = '5d59d67564'
const AT = '2026-01-01T00:00:00Z'

/** What kubelet and controllers write of a pod's fields: a third of its text. */
const MANAGED = ['kube-controller-manager', 'kubelet'].map(manager => ({
  manager,
  operation: 'Update',
  apiVersion: 'v1',
  time: AT,
  fieldsType: 'FieldsV1',
  fieldsV1: Object.fromEntries(
    ['metadata', 'spec', 'status'].map(part => [
      `f:${part}`,
      Object.fromEntries(
        ['labels', 'containers', 'conditions', 'podIPs', 'startTime', 'volumes', 'tolerations'].map(field => [
          `f:${field}`,
          { '.': {}, 'k:{"name":"app"}': { '.': {}, 'f:image': {}, 'f:name': {}, 'f:ports': {} } },
        ]),
      ),
    ]),
  ),
}))

const CONTAINER = {
  name: 'app',
  image:
    'registry.example.org/shop/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  env: Array.from({ length: 12 }, (_, i) => ({ name: `SETTING_${i}`, value: `value of setting ${i}` })),
  resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
  volumeMounts: [
    { name: 'token', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
  ],
  livenessProbe: { httpGet: { path: '/livez', port: 'http', scheme: 'HTTP' }, periodSeconds: 10 },
  readinessProbe: { httpGet: { path: '/readyz', port: 'http', scheme: 'HTTP' }, periodSeconds: 10 },
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  imagePullPolicy: 'IfNotPresent',
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, runAsNonRoot: true },
}

/** A pod as a kubelet runs it: of 5 kB, as they are. What no two pods differ in is one object here. */
export function podObject(workload: Workload): Placed {
  const { name, namespace, owner, labels, node, addresses, ports, hostNetwork } = workload
  const container = {
    ...CONTAINER,
    ports: ports.map(port => ({ name: port.name, containerPort: port.port, protocol: port.protocol })),
  }
  return {
    type: PODS,
    place: { name, namespace },
    json: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace,
        labels: { ...labels, 'pod-template-hash': HASH },
        annotations: { 'kubectl.kubernetes.io/restartedAt': AT },
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${owner.name}-${HASH}`, controller: true },
        ],
        managedFields: MANAGED,
      },
      spec: {
        nodeName: node,
        hostNetwork,
        serviceAccountName: owner.name,
        containers: [container],
        volumes: [
          { name: 'token', projected: { defaultMode: 420, sources: [{ configMap: { name: 'root-ca' } }] } },
        ],
        tolerations: ['not-ready', 'unreachable'].map(key => ({
          key: `node.kubernetes.io/${key}`,
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 300,
        })),
      },
      status: {
        phase: 'Running',
        podIP: addresses[0],
        podIPs: addresses.map(ip => ({ ip })),
        startTime: AT,
        conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(type => ({
          type,
          status: 'True',
          lastTransitionTime: AT,
        })),
        containerStatuses: [{ name: 'app', ready: true, restartCount: 0, image: CONTAINER.image }],
      },
    },
  }
}

export const namespaceObject = (name: string, labels: JsonRecord): Placed => ({
  type: NAMESPACES,
  place: { name },
  json: { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } },
})

export function policyObject(json: PolicyDocumentJson): Placed {
  const type = TYPES.find(({ kind }) => kind === json.kind)
  if (!type) throw new TypeError(`no kind of policy: ${String(json.kind)}`)
  // As the bench's cluster makes them.
  const { name, namespace } = json.metadata as { readonly name: string; readonly namespace?: string }
  return { type, place: { name, ...(namespace !== undefined && { namespace }) }, json }
}

/** A kubeconfig file for a double. */
export const kubeconfigOf = (server: URL): string =>
  JSON.stringify({
    'current-context': 'bench',
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench', namespace: 'sekisho' } }],
    clusters: [{ name: 'bench', cluster: { server: server.href } }],
    users: [{ name: 'bench', user: {} }],
  })
