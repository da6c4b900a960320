import { expect, test } from 'vitest'
import { podWorkload, readObject } from '../src/index.ts'

const pod = ({ metadata = {}, spec = {}, status = {} }: Readonly<Record<string, object>> = {}) => {
  const object = readObject({
    metadata: {
      name: 'web-5d59d67564-abcde',
      namespace: 'shop',
      resourceVersion: '7',
      labels: { app: 'web' },
      ...metadata,
    },
    spec: { nodeName: 'node-1', containers: [], ...spec },
    status: {
      phase: 'Running',
      podIP: '10.1.0.5',
      podIPs: [{ ip: '10.1.0.5' }, { ip: 'FD00:0::5' }],
      ...status,
    },
  })
  return object && podWorkload(object)
}
const owner = (kind: string, name: string) => ({ ownerReferences: [{ kind, name, controller: true }] })

test('a pod is a workload', () => {
  expect(pod()).toEqual({
    id: 'pod:shop/web-5d59d67564-abcde',
    kind: 'pod',
    namespace: 'shop',
    name: 'web-5d59d67564-abcde',
    owner: { kind: 'Pod', name: 'web-5d59d67564-abcde' },
    labels: { app: 'web' },
    serviceAccount: 'default',
    node: 'node-1',
    addresses: ['10.1.0.5', 'fd00::5'],
    hostNetwork: false,
    ports: [],
    state: 'running',
  })
})

test('without a node it is not there yet', () => {
  expect(pod({ spec: { nodeName: '' } })).toBeUndefined()
})

test.each([
  ['running', {}, { phase: 'Pending' }],
  ['running', {}, { phase: 'Running' }],
  ['terminating', { deletionTimestamp: '2026-01-01T00:00:00Z' }, { phase: 'Running' }],
  ['finished', {}, { phase: 'Succeeded' }],
  ['finished', { deletionTimestamp: '2026-01-01T00:00:00Z' }, { phase: 'Failed' }],
])('it is %s with %j and %j', (state, metadata, status) => {
  expect(pod({ metadata, status })?.state).toBe(state)
})

test.each([
  [
    'Deployment',
    'web',
    { ...owner('ReplicaSet', 'web-5d59d67564'), labels: { 'pod-template-hash': '5d59d67564' } },
  ],
  ['ReplicaSet', 'web-5d59d67564', owner('ReplicaSet', 'web-5d59d67564')],
  ['CronJob', 'backup', owner('Job', 'backup-28391020')],
  ['Job', 'backup-2', owner('Job', 'backup-2')],
  ['StatefulSet', 'db', owner('StatefulSet', 'db')],
])('it is of the %s %s', (kind, name, metadata) => {
  expect(pod({ metadata })?.owner).toEqual({ kind, name })
})

test('named ports are those of containers and of init containers that keep running', () => {
  const port = (name: string, containerPort: number, protocol?: string) => ({
    ports: [{ name, containerPort, protocol }],
  })
  const spec = {
    containers: [
      port('http', 80),
      port('dns', 53, 'UDP'),
      { ports: [{ containerPort: 9 }] },
      port('odd', 1, 'DCCP'),
    ],
    initContainers: [port('once', 1), { restartPolicy: 'Always', ...port('mesh', 15_001) }],
  }
  expect(pod({ spec })?.ports).toEqual([
    { name: 'http', protocol: 'TCP', port: 80 },
    { name: 'dns', protocol: 'UDP', port: 53 },
    { name: 'mesh', protocol: 'TCP', port: 15_001 },
  ])
})

test.each([
  [{ podIPs: [], podIP: '10.0.0.1' }, ['10.0.0.1']],
  [{ podIPs: [{ ip: 'nonsense' }, { ip: '10.0.0.2' }] }, ['10.0.0.2']],
  [{ podIPs: 'nonsense', podIP: undefined }, []],
])('of the status %j its addresses are %j', (status, addresses) => {
  expect(pod({ status })?.addresses).toEqual(addresses)
})
