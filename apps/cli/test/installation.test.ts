import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuthority } from '@sekisho/control/credentials'
import type { EpochMs } from '@sekisho/core'
import { expect, test } from 'vitest'
import { describeInstallation } from '../src/commands/cluster-status.ts'
import { isWell, readInstallation } from '../src/kubernetes/installation.ts'
import { type Kubectl, KubectlError } from '../src/kubernetes/kubectl.ts'

type Json = Readonly<Record<string, unknown>>

/** A kubectl that knows some paths of the API, and what the server says. */
function cluster(paths: Readonly<Record<string, Json>>, word: Json | Error): Kubectl {
  return {
    async run(args) {
      if (args.includes('exec')) {
        if (word instanceof Error) throw word
        return JSON.stringify(word)
      }
      const path = (args.at(-1) ?? '').split('?')[0] ?? ''
      const known = paths[path]
      if (!known) throw new KubectlError('unavailable', 'kubectl: Error from server (NotFound): no')
      if (known.forbidden) throw new KubectlError('unavailable', 'kubectl: Error from server (Forbidden): no')
      return JSON.stringify(known)
    },
  }
}

const node = (name: string, operatingSystem = 'linux') => ({
  metadata: { name },
  status: { nodeInfo: { operatingSystem } },
})
const agent = (nodeName: string, status: Json) => ({ spec: { nodeName }, status })
const READY = { conditions: [{ type: 'Ready', status: 'True' }] }
const policy = (name: string, conditions: readonly Json[]) => ({
  metadata: { name, namespace: 'shop' },
  status: { conditions },
})
const holds = (type: string, status = 'True', more: Json = {}) => ({ type, status, ...more })

const APPS = '/apis/apps/v1/namespaces/sekisho'
const CLUSTER: Readonly<Record<string, Json>> = {
  [`${APPS}/statefulsets/sekisho-server`]: {
    spec: { replicas: 2, template: { spec: { containers: [{ image: 'r.example/s:1' }] } } },
    status: { readyReplicas: 2 },
  },
  '/apis/coordination.k8s.io/v1/namespaces/sekisho/leases/sekisho-server': {
    spec: { holderIdentity: 's-0' },
  },
  [`${APPS}/daemonsets/sekisho-agent`]: {
    spec: { template: { spec: { containers: [{ args: ['--cni-config=/etc/cni/net.d'] }] } } },
  },
  '/api/v1/namespaces/sekisho/pods': { items: [agent('n1', READY), agent('n2', READY)] },
  '/api/v1/nodes': { items: [node('n1'), node('n2'), node('w', 'windows')] },
}
const WORD = {
  version: '0.1.0',
  agents: [{ node: 'n1', version: '0.1.0', lastSeen: '2026-05-01T12:00:00.000Z', degraded: [] }],
}

const read = (more: Readonly<Record<string, Json>> = {}, word: Json | Error = WORD) =>
  readInstallation(cluster({ ...CLUSTER, ...more }, word), 'sekisho')

test('an installation that is well', async () => {
  const installation = await read()
  expect(isWell(installation)).toBe(true)
  expect(describeInstallation(installation)).toBe(
    [
      'Server       2 of 2 ready, 0.1.0 (r.example/s:1)',
      'Leader       s-0',
      'Webhook      not registered',
      'Agents       2 of 2 nodes ready',
      'New pods     wait for their rules on 2 of 2 nodes',
      '',
    ].join('\n'),
  )
})

test('nodes whose agent is not there, not ready or cannot enforce something, each with its reason', async () => {
  const waiting = { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } }
  const blind = { ...WORD, agents: [{ node: 'n1', degraded: ['load br_netfilter'] }] }
  const installation = await read(
    {
      '/api/v1/namespaces/sekisho/pods': {
        items: [agent('n1', READY), agent('n2', { containerStatuses: [{ state: waiting }] })],
      },
      '/api/v1/nodes': { items: ['n1', 'n2', 'n3'].map(name => node(name)) },
    },
    blind,
  )
  expect(isWell(installation)).toBe(false)
  expect(describeInstallation(installation)).toContain(
    [
      'Agents       1 of 3 nodes ready',
      'New pods     wait for their rules on 3 of 3 nodes',
      'Degraded     n1: load br_netfilter',
      'Node         n2: agent not ready, ImagePullBackOff: no such image',
      'Node         n3: agent missing, no agent’s pod is on it',
      '',
    ].join('\n'),
  )
})

test('a plugin that an agent could not add, or that nobody asked for, is off', async () => {
  const unchained = 'pods start before their rules are in the kernel: x.conf is of one plugin'
  const said = await read({}, { ...WORD, agents: [{ node: 'n1', degraded: [unchained] }] })
  expect(said.nodes.map(({ cni }) => cni)).toEqual(['off', 'on'])
  const daemonSet = { spec: { template: { spec: { containers: [{ args: [] }] } } } }
  const without = await read({ [`${APPS}/daemonsets/sekisho-agent`]: daemonSet })
  expect(without.nodes.map(({ cni }) => cni)).toEqual(['off', 'off'])
})

test('policies are counted by their conditions; what is not as it is written is said', async () => {
  const own = '/apis/sekisho.dev/v1alpha1'
  const refused = holds('Accepted', 'False', { reason: 'Invalid', message: 'spec.mode: no' })
  const installation = await read({
    [`${own}/securitypolicies`]: {
      kind: 'SecurityPolicyList',
      items: [
        policy('good', [holds('Accepted'), holds('Programmed')]),
        policy('bad', [refused, holds('Programmed', 'False', { reason: 'NotAccepted' })]),
      ],
    },
    [`${own}/externalworkloads`]: {
      kind: 'ExternalWorkloadList',
      items: [
        policy('vm', [holds('Accepted'), holds('Conflicted', 'True', { reason: 'Taken', message: 'x' })]),
      ],
    },
    '/api/v1/events': {
      items: [
        {
          reportingComponent: 'sekisho-server',
          reason: 'NotEnforced',
          message: 'ingress[0] is left out',
          involvedObject: { kind: 'NetworkPolicy', namespace: 'shop', name: 'np' },
        },
        { reportingComponent: 'other', reason: 'NotEnforced', message: 'no', involvedObject: {} },
      ],
    },
  })
  expect(installation.kinds).toEqual([
    { kind: 'SecurityPolicy', objects: 2, accepted: 1, programmed: 1 },
    { kind: 'ExternalWorkload', objects: 1, accepted: 1 },
  ])
  expect(installation.troubles).toEqual([
    { policy: 'SecurityPolicy shop/bad', reason: 'Invalid', message: 'spec.mode: no' },
    { policy: 'ExternalWorkload shop/vm', reason: 'Taken', message: 'x' },
    { policy: 'NetworkPolicy shop/np', reason: 'NotEnforced', message: 'ingress[0] is left out' },
  ])
  const lines = describeInstallation(installation)
  expect(lines).toContain('Policies     SecurityPolicy: 2, 1 accepted, 1 programmed\n')
  expect(lines).toContain('Policies     ExternalWorkload: 1, 1 accepted\n')
  expect(lines).toContain('Attention    SecurityPolicy shop/bad: Invalid: spec.mode: no\n')
})

test('the webhook, and until when the authority of its certificate is good', async () => {
  const data = mkdtempSync(join(tmpdir(), 'sekisho-status-'))
  const now = Date.parse('2026-05-01T12:00:00Z') as EpochMs
  const { certificate } = openAuthority(data, { now: () => now })
  rmSync(data, { recursive: true })
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sekisho'
  const clientConfig = { caBundle: Buffer.from(certificate).toString('base64') }
  const webhooks = ['policies.sekisho.dev', 'protection.sekisho.dev'].map(name => ({ name, clientConfig }))
  const { webhook } = await read({ [path]: { webhooks } })
  expect(webhook?.guardsProtection).toBe(true)
  expect(Date.parse(webhook?.authorityUntil ?? '')).toBeGreaterThan(now)
})

test('a server that cannot be asked, and what the user may not read, are said', async () => {
  const error = new KubectlError('unavailable', 'kubectl: error: timed out waiting for the condition')
  const installation = await read({ '/api/v1/nodes': { forbidden: true } }, error)
  expect(isWell(installation)).toBe(false)
  const lines = describeInstallation(installation)
  expect(lines).toContain('Trouble      the server could not be asked: kubectl: error: timed out')
  expect(lines).toContain('Not read     /api/v1/nodes?limit=5000: you may not')
})
