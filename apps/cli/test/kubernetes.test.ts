import { describe, expect, test } from 'vitest'
import type { ClusterFacts } from '../src/kubernetes/facts.ts'
import { type Kubectl, KubectlError } from '../src/kubernetes/kubectl.ts'
import { made, manifests } from '../src/kubernetes/manifests.ts'
import { isAtLeast, preflight } from '../src/kubernetes/preflight.ts'
import { remove } from '../src/kubernetes/removal.ts'

const GOOD: ClusterFacts = {
  version: 'v1.34.4',
  nodes: [
    {
      name: 'n1',
      kernel: '6.8.0-45-generic',
      system: 'linux',
      architecture: 'amd64',
      runtime: 'containerd://2.2.1',
    },
  ],
  daemonSets: ['kube-proxy', 'kube-flannel-ds'],
  kubeProxy: 'kind: KubeProxyConfiguration\nmode: nftables\n',
  cilium: undefined,
  calicoBpf: false,
  denied: [],
  kinds: [],
  installations: [],
  hasDefaultStorage: true,
  podSecurity: undefined,
  unread: [],
}
const node = (changes: object) => [
  {
    name: 'n1',
    kernel: '6.1.0',
    system: 'linux',
    architecture: 'amd64',
    runtime: 'containerd://2.2.1',
    ...changes,
  },
]

describe('before an installation', () => {
  test('a cluster with nothing against it', () => {
    expect(preflight(GOOD).filter(({ state }) => state !== 'ok')).toEqual([])
  })

  test.each<[string, Partial<ClusterFacts>, string, string]>([
    ['an old cluster', { version: 'v1.29.9-eks-1' }, 'problem', 'Kubernetes'],
    ['an old kernel', { nodes: node({ kernel: '5.4.0-generic' }) }, 'problem', 'kernels'],
    ['another architecture', { nodes: node({ architecture: 's390x' }) }, 'problem', 'machines'],
    ['a Windows node', { nodes: node({ system: 'windows' }) }, 'warning', 'machines'],
    ['Cilium past the firewall', { cilium: { 'routing-mode': 'native' } }, 'problem', 'network'],
    ['Calico past the firewall', { calicoBpf: true }, 'problem', 'network'],
    ['IPVS', { kubeProxy: 'mode: "ipvs"\n' }, 'warning', 'services'],
    ['no right to install', { denied: ['create clusterroles'] }, 'problem', 'your rights'],
    ['one elsewhere', { installations: ['security'] }, 'problem', 'other installations'],
    [
      'a release of Helm',
      { kinds: [{ name: 'securitypolicies.sekisho.dev', release: 'sekisho' }] },
      'warning',
      'other installations',
    ],
    ['no storage', { hasDefaultStorage: false }, 'warning', 'storage'],
    ['a strict namespace', { podSecurity: 'restricted' }, 'warning', 'pod security'],
    ['what may not be read', { unread: ['/api/v1/nodes'] }, 'warning', 'what was read'],
  ])('%s', (_, facts, state, check) => {
    const against = preflight({ ...GOOD, ...facts }).filter(each => each.state !== 'ok')
    expect(against.map(each => [each.state, each.check])).toEqual([[state, check]])
  })

  test.each([
    ['containerd://2.2.1', 'agent.cni or agent.nri'],
    ['containerd://10.0.0', 'agent.cni or agent.nri'],
    ['containerd://1.7.27', 'needs NRI, which n1 may have off'],
    ['cri-o://1.34.0', 'needs NRI, which n1 may have off'],
  ])('how new pods can wait with %s', (runtime, found) => {
    const findings = preflight({ ...GOOD, nodes: node({ runtime }) })
    expect(findings.find(({ check }) => check === 'first packet')?.found).toContain(found)
  })

  test('Cilium that leaves packets to the kernel', () => {
    const cilium = { 'enable-host-legacy-routing': 'true' }
    expect(preflight({ ...GOOD, cilium }).every(({ state }) => state === 'ok')).toBe(true)
  })

  test.each([
    ['v1.30.0', true],
    ['v1.29.14', false],
    ['v2.0.0', true],
    ['1.34+', true],
    ['', false],
  ])('%s is 1.30 or newer: %s', (version, expected) => expect(isAtLeast(version, [1, 30])).toBe(expected))
})

describe('the manifests', () => {
  test('observe is one flag of the server, and enforce is without it', () => {
    const flag = '- --network-policies=Audit'
    expect(manifests({ mode: 'observe' })).toContain(flag)
    expect(manifests({ mode: 'enforce' })).not.toContain(flag)
  })

  test('an image is named in every container, and can bring nothing else in', () => {
    const yaml = manifests({ mode: 'observe', image: 'r.example/sekisho@sha256:0' })
    expect(yaml.match(/image: .*/g)).toEqual(Array(3).fill('image: r.example/sekisho@sha256:0'))
    expect(() => manifests({ mode: 'observe', image: 'a\n  privileged: true' })).toThrow('no image')
  })

  test('they are objects of one namespace, the namespace first', async () => {
    const objects = await made(manifests({ mode: 'observe' }))
    expect(objects[0]).toMatchObject({ kind: 'Namespace', metadata: { name: 'sekisho' } })
    const namespaces = new Set(objects.map(({ metadata }) => metadata.namespace))
    expect(namespaces).toEqual(new Set([undefined, 'sekisho']))
  })
})

/** A kubectl that answers by the first word that is known, and remembers what it was asked. */
function fakeKubectl(answers: Readonly<Record<string, () => string>>) {
  const calls: string[] = []
  const kubectl: Kubectl = {
    run(args, input) {
      calls.push(`${args.join(' ')}${input === undefined ? '' : ` < ${input}`}`)
      const known = Object.keys(answers).find(word => args.includes(word))
      return Promise.resolve(known === undefined ? '' : (answers[known]?.() ?? ''))
    },
  }
  return { calls, kubectl }
}

const DAEMON_SET = '/apis/apps/v1/namespaces/sekisho/daemonsets/sekisho-agent'

describe('removing it', () => {
  const container = {
    name: 'agent',
    image: 'r.example/s:1',
    args: ['--node=$(NODE_NAME)', '--cni-config=/etc/cni/net.d'],
    securityContext: { capabilities: { add: ['NET_ADMIN'] } },
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
  }
  const daemonSet = (annotations = {}) =>
    JSON.stringify({ metadata: { annotations }, spec: { template: { spec: { containers: [container] } } } })
  const missing = () => {
    throw new KubectlError('unavailable', 'kubectl: Error from server (NotFound): no')
  }
  const removing = async (answers: Readonly<Record<string, () => string>>, everything = false) => {
    const { calls, kubectl } = fakeKubectl(answers)
    const steps: string[] = []
    const left = await remove(kubectl, { everything, onStep: line => steps.push(line) })
    return { calls, steps, ...left }
  }

  test('rules go from every node before anything else goes', async () => {
    const claims = { items: [{ metadata: { name: 'data-sekisho-server-0' } }] }
    const { calls, steps, stays, command } = await removing({
      [DAEMON_SET]: daemonSet,
      'secret/sekisho-authority': () => 'secret/sekisho-authority\nconfigmap/sekisho-revoked\n',
      get: () => JSON.stringify(claims),
      delete: () => 'configmap "x" deleted\n',
    })
    expect(
      calls.map(call => call.split(' ').find(word => /^(?:get|patch|rollout|delete)$/.test(word))),
    ).toEqual([
      'get',
      'patch',
      'rollout',
      ...Array<string>(4).fill('delete'),
      'get',
      'delete',
      'get',
      'delete', // reports, of both kinds
      'get', // what stays: volumes
      'get', // and what servers share
    ])
    expect(calls).toContain(
      'delete policyreports.wgpolicyk8s.io --all-namespaces --field-selector=metadata.name=sekisho --ignore-not-found',
    )
    const patch = calls[1] ?? ''
    expect(patch).toContain('"command":["/opt/sekisho/bin/sekisho-agent","uninstall"]')
    expect(patch).toContain('"args":["--cni-config=/etc/cni/net.d"]')
    expect(steps).toContain('removed the rules from the kernel of every node')
    expect(stays).toEqual([
      'Namespace sekisho',
      ...stays.filter(each => each.startsWith('CustomResourceDefinition ')),
      'PersistentVolumeClaim data-sekisho-server-0',
      'secret/sekisho-authority',
      'configmap/sekisho-revoked',
      expect.stringContaining('/var/lib/sekisho/agent of every node'),
    ])
    expect(stays).toContain('CustomResourceDefinition securitypolicies.sekisho.dev')
    expect(command).toBe('kubectl sekisho uninstall --everything')
    // Names, and no key.
    expect(calls.at(-1)).toMatch(/get secret\/sekisho-authority .*--output=name$/)
    expect(calls[3]).toContain('DaemonSet')
    expect(calls[3]).not.toContain('CustomResourceDefinition')
  })

  test('where a node does not answer, all stays', async () => {
    const late = () => {
      throw new KubectlError('unavailable', 'timed out waiting for the condition')
    }
    const { calls, kubectl } = fakeKubectl({ get: daemonSet, rollout: late })
    await expect(remove(kubectl, { everything: true, onStep: () => undefined })).rejects.toThrow('timed out')
    expect(calls.some(call => call.includes('delete'))).toBe(false)
  })

  test('what was begun before goes on', async () => {
    const spec = { containers: [{ name: 'removed' }] }
    const get = () => JSON.stringify({ metadata: {}, spec: { template: { spec } } })
    const { calls } = await removing({ get })
    expect(calls.some(call => call.includes('patch daemonset'))).toBe(false)
    expect(calls.some(call => call.includes('rollout status'))).toBe(true)
  })

  test('the rest of a release is Helm’s', async () => {
    const get = () => daemonSet({ 'meta.helm.sh/release-name': 'gate' })
    const { calls, stays, command } = await removing({ get })
    expect(calls.some(call => call.includes('delete'))).toBe(false)
    expect(stays).toEqual(['the Helm release gate, and what its server wrote'])
    expect(command).toBe('helm uninstall gate --namespace sekisho && kubectl sekisho uninstall')
    // What was asked for is not forgotten on the way.
    expect((await removing({ get }, true)).command).toMatch(/&& kubectl sekisho uninstall --everything$/)
  })

  test('without agents what is left goes, policies too where that is said', async () => {
    const { steps, calls, stays, command } = await removing({ get: missing }, true)
    expect(steps[0]).toBe('there are no agents')
    // Nor reports.
    expect(calls.some(call => call.includes('--all-namespaces'))).toBe(false)
    expect(calls[1]).toContain('CustomResourceDefinition')
    expect(stays).toEqual([expect.stringContaining('of every node')])
    expect(command).toBeUndefined()
  })
})
