import { isRecord, listAt, textAt, valueAt } from '@sekisho/core'
import { getRaw, type Kubectl, Reading } from './kubectl.ts'
import { type Made, NAMESPACE } from './manifests.ts'

export interface NodeFacts {
  readonly name: string
  /** As `uname -r` prints it. */
  readonly kernel: string
  readonly system: string
  readonly architecture: string
  /** Of containers, as `containerd://2.2.1`. */
  readonly runtime: string
}

/** What is known of a cluster before anything is installed. Absent: the user may not read it, or it is not there. */
export interface ClusterFacts {
  /** `v1.34.4`. */
  readonly version: string
  readonly nodes: readonly NodeFacts[]
  /** Names of all DaemonSets, where network plugins are. */
  readonly daemonSets: readonly string[]
  /** Configuration of kube-proxy, as YAML. */
  readonly kubeProxy: string | undefined
  readonly cilium: Readonly<Record<string, string>> | undefined
  readonly calicoBpf: boolean
  /** What installing needs and the user may not do, as `create clusterroles`. */
  readonly denied: readonly string[]
  /** Our custom resources that are there, with the Helm release that made them. */
  readonly kinds: readonly { readonly name: string; readonly release: string | undefined }[]
  /** Namespaces that have a Sekisho. */
  readonly installations: readonly string[]
  readonly hasDefaultStorage: boolean
  /** What Pod Security admission enforces in our namespace, where it says so. */
  readonly podSecurity: string | undefined
  /** Paths that the user may not read. */
  readonly unread: readonly string[]
}

const text = (json: unknown, ...path: readonly string[]): string => textAt(json, ...path) ?? ''
const items = (json: unknown): readonly unknown[] => listAt(json, 'items')

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class'
const PAGE = 'limit=5000'

/** `NetworkPolicy` is asked for as `networkpolicies`. */
const plural = (kind: string): string => kind.toLowerCase().replace(/y$/, 'ie').concat('s')

/** Asks whether the user may make each kind of object, for all namespaces where it has none. */
async function deniedOf(kubectl: Kubectl, objects: readonly Made[]): Promise<readonly string[]> {
  const kinds = new Map(objects.map(object => [`${object.apiVersion} ${object.kind}`, object]))
  const denied: string[] = []
  for (const { apiVersion, kind, metadata } of kinds.values()) {
    const group = apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : ''
    const resourceAttributes = {
      group,
      resource: plural(kind),
      verb: 'create',
      namespace: metadata.namespace,
    }
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    }
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
    const answer: unknown = JSON.parse(
      await kubectl.run(['create', '--raw', path, '-f', '-'], JSON.stringify(review)),
    )
    if (valueAt(answer, 'status', 'allowed') !== true) denied.push(`create ${plural(kind)}`)
  }
  return denied
}

/** @throws where the cluster cannot be reached at all. */
export async function gatherFacts(kubectl: Kubectl, objects: readonly Made[]): Promise<ClusterFacts> {
  const { get, unread } = new Reading(kubectl)
  const version = text(await getRaw(kubectl, '/version'), 'gitVersion')
  const nodes = items(await get(`/api/v1/nodes?${PAGE}`)).map(node => ({
    name: text(node, 'metadata', 'name'),
    kernel: text(node, 'status', 'nodeInfo', 'kernelVersion'),
    system: text(node, 'status', 'nodeInfo', 'operatingSystem'),
    architecture: text(node, 'status', 'nodeInfo', 'architecture'),
    runtime: text(node, 'status', 'nodeInfo', 'containerRuntimeVersion'),
  }))
  const daemonSets = items(await get(`/apis/apps/v1/daemonsets?${PAGE}`))
  const system = '/api/v1/namespaces/kube-system/configmaps'
  const proxy = await get(`${system}/kube-proxy`)
  const cilium = valueAt(await get(`${system}/cilium-config`), 'data')
  const felix = await get('/apis/crd.projectcalico.org/v1/felixconfigurations/default')
  const definitions = items(await get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions'))
  const classes = items(await get('/apis/storage.k8s.io/v1/storageclasses'))
  const servers = items(await get('/apis/apps/v1/statefulsets?fieldSelector=metadata.name%3Dsekisho-server'))
  const namespace = await get(`/api/v1/namespaces/${NAMESPACE}`)
  return {
    version,
    nodes,
    daemonSets: daemonSets.map(each => text(each, 'metadata', 'name')),
    kubeProxy: text(proxy, 'data', 'config.conf') || undefined,
    cilium: isRecord(cilium)
      ? Object.fromEntries(Object.entries(cilium).map(([key, value]) => [key, String(value)]))
      : undefined,
    calicoBpf: valueAt(felix, 'spec', 'bpfEnabled') === true,
    denied: await deniedOf(kubectl, objects),
    kinds: definitions
      .filter(each => text(each, 'spec', 'group') === 'sekisho.dev')
      .map(each => ({
        name: text(each, 'metadata', 'name'),
        release: text(each, 'metadata', 'annotations', 'meta.helm.sh/release-name') || undefined,
      })),
    installations: servers.map(each => text(each, 'metadata', 'namespace')),
    hasDefaultStorage: classes.some(each => text(each, 'metadata', 'annotations', DEFAULT_CLASS) === 'true'),
    podSecurity: text(namespace, 'metadata', 'labels', 'pod-security.kubernetes.io/enforce') || undefined,
    unread,
  }
}
