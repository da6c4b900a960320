import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog, systemTimer } from '@sekisho/control'
import { issueJoinToken, openAuthority } from '@sekisho/control/credentials'
import type { Mode, PolicyId, ProtectionWord, WorkloadId } from '@sekisho/core'
import {
  CLUSTER_NETWORK_POLICIES,
  CLUSTER_SECURITY_POLICIES,
  type ClusterAccess,
  CONFIG_MAPS,
  EVENTS,
  EXTERNAL_WORKLOADS,
  type JsonRecord,
  type KubeClient,
  KubeObjects,
  NAMESPACES,
  NETWORK_POLICIES,
  openKubeClient,
  PODS,
  RESPONSE_RULES,
  SECURITY_POLICIES,
} from '@sekisho/kube'
import { openStore } from '@sekisho/store'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'
import type { JoinBy } from '../../apps/agent/src/options.ts'
import { openIdentity } from '../../apps/agent/src/server/identity.ts'
import { makeStateDirectory, stateDirectory } from '../../apps/agent/src/state-directory.ts'
import { startServer, type World } from '../../apps/server/src/server.ts'
import { type PodPlace, podToken } from '../../packages/kube/test/pod-token.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'

export interface ClusterUnderTest extends AsyncDisposable {
  /** As an administrator. */
  readonly access: ClusterAccess
  /** As the server is there. */
  readonly serverAccess: ClusterAccess
}

const clock = timers
const nowhere = { host: '127.0.0.1', port: 0 }

/** A server for that cluster, and its database. */
export async function startFor(
  access: ClusterAccess,
  data: string,
  {
    webhookPort,
    time = { clock, timer: systemTimer },
    ...policies
  }: {
    webhookPort?: number
    time?: Pick<World, 'clock' | 'timer'>
    elected?: boolean
    guardExempt?: readonly string[]
    podConditions?: boolean
    networkPolicies?: Mode
    firewall?: ProtectionWord
  } = {},
) {
  const { credentials } = access
  const kubeconfig = join(data, 'kubeconfig')
  const user = credentials.kind === 'token' ? { token: credentials.read() } : {}
  const authority = access.authority
  const certificate = authority && { 'certificate-authority-data': Buffer.from(authority).toString('base64') }
  writeFileSync(
    kubeconfig,
    stringify({
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: access.namespace } }],
      clusters: [{ name: 'test', cluster: { server: access.server.href, ...certificate } }],
      users: [{ name: 'test', user }],
    }),
  )
  const log: string[] = []
  const server = await startServer(
    {
      data,
      listen: nowhere,
      agents: nowhere,
      names: [],
      console: join(data, 'no-console'),
      lab: false,
      retention: { maxAgeMs: 86_400_000, maxBytes: 1e9 },
      kubernetes: {
        kubeconfig,
        ...policies,
        ...(webhookPort !== undefined && {
          webhook: { host: '127.0.0.1', port: webhookPort },
          webhookUrl: new URL(`https://127.0.0.1:${webhookPort}`),
        }),
      },
    },
    { ...time, log: createLog(line => log.push(line), clock) },
  )
  const store = openStore({ path: join(data, 'sekisho.db'), clock })
  return {
    store,
    log,
    url: server.url,
    agentsPort: server.agentsPort,
    /** Lets one agent join. */
    joinToken: () =>
      issueJoinToken(store.accounts, openAuthority(data, clock), { minutes: 60, node: undefined, clock })
        .token,
    async [Symbol.asyncDispose]() {
      store[Symbol.dispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** What a server does for a cluster: the same with the double and with a real API server. */
export function clusterSuite(name: string, open: () => Promise<ClusterUnderTest>): void {
  describe(`a server for ${name}`, () => {
    const resources = new AsyncDisposableStack()
    const namespace = `shop-${crypto.randomUUID().slice(0, 8)}`
    const data = mkdtempSync(join(tmpdir(), 'sekisho-cluster-'))
    let access: ClusterAccess
    let client: KubeClient
    let server: Awaited<ReturnType<typeof startFor>>
    beforeAll(async () => {
      const cluster = resources.use(await open())
      access = cluster.serverAccess
      client = resources.use(openKubeClient({ access: cluster.access, userAgent: 'test/0', timers }))
      await objects(NAMESPACES).create({}, { metadata: { name: namespace, labels: { team: 'shop' } } })
      server = await startFor(access, data)
    }, 300_000)
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]()
      await resources.disposeAsync()
      rmSync(data, { recursive: true })
    })

    const objects = (type: typeof PODS) => new KubeObjects(client, type)
    const at = (object: string) => ({ namespace, name: object })
    const pod = async (object: string, ip: string, labels: Readonly<Record<string, string>> = {}) => {
      const containers = [{ name: 'main', image: 'none', ports: [{ name: 'http', containerPort: 80 }] }]
      await objects(PODS).create(
        { namespace },
        { metadata: { name: object, labels }, spec: { nodeName: 'node-1', containers } },
      )
      await objects(PODS).apply(
        { ...at(object), subresource: 'status' },
        { status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] } },
        { fieldManager: 'kubelet' },
      )
    }
    const workload = (object: string) =>
      server.store.records.inventory().workloads.find(({ id }) => id === `pod:${namespace}/${object}`)
    const policyId = (kind: string, object: string) => `${kind}/${namespace}/${object}` as PolicyId
    const stored = (kind: string, object: string) => server.store.policies.get(policyId(kind, object))
    const conditions = async (
      object: string,
      type = SECURITY_POLICIES,
    ): Promise<Readonly<Record<string, string>>> => {
      const { json } = await objects(type).get(at(object))
      const status = json.status as
        | { conditions?: { type: string; status: string; reason: string }[] }
        | undefined
      return Object.fromEntries(
        (status?.conditions ?? []).map(each => [each.type, `${each.status} ${each.reason}`]),
      )
    }
    /** As `kubectl describe` finds them. */
    const eventsAbout = async (object: string): Promise<readonly string[]> => {
      const { objects: events } = await objects(EVENTS).page(
        { namespace, fieldSelector: `involvedObject.name=${object}` },
        { limit: 100 },
      )
      return events.map(({ json }) => {
        const about = json.involvedObject as { readonly kind: string }
        return [json.type, json.reason, about.kind, json.reportingComponent].join(' ')
      })
    }
    const ingress = (more: JsonRecord = {}): JsonRecord => ({ spec: { subject: {}, ingress: [], ...more } })

    test('pods and namespaces become workloads and namespaces', async () => {
      await pod('web-1', '10.9.0.1', { app: 'web' })
      await vi.waitFor(() => expect(workload('web-1')?.addresses).toEqual(['10.9.0.1']))
      expect(workload('web-1')).toMatchObject({
        kind: 'pod',
        labels: { app: 'web' },
        node: 'node-1',
        ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
      })
      const spaces = server.store.records.inventory().namespaces
      expect(spaces.find(each => each.name === namespace)?.labels).toMatchObject({ team: 'shop' })
      await objects(PODS).remove(at('web-1'))
      // A real API server waits for a kubelet that is not there; the pod is said to be going at least.
      await vi.waitFor(() => expect(workload('web-1')?.state ?? 'gone').not.toBe('running'))
    })

    describe('an agent', () => {
      const state = (object: string) => {
        const directory = stateDirectory(join(data, object))
        makeStateDirectory(directory)
        return directory
      }
      /** The files of a pod's volumes, with a token made for that audience. */
      const volumes = async (place: Partial<PodPlace> = {}): Promise<JoinBy> => {
        const token = join(data, `token-${crypto.randomUUID()}`)
        const own = { namespace: access.namespace, account: 'sekisho-agent', node: 'node-1' }
        writeFileSync(token, await podToken(client, { ...own, audience: 'sekisho-server', ...place }))
        const map = { namespace: access.namespace, name: 'sekisho-authority' }
        const published = await vi.waitFor(() => objects(CONFIG_MAPS).get(map))
        const authority = join(data, 'published.pem')
        writeFileSync(authority, (published.json.data as { 'ca.pem': string })['ca.pem'])
        return { kind: 'service-account', token, authority }
      }
      const joinAs = (node: string, by: JoinBy) =>
        openIdentity({
          server: new URL(`https://127.0.0.1:${server.agentsPort}`),
          node,
          directory: state(node),
          join: by,
        })

      test('joins as the pod that it is', async () => {
        const { certificate } = await joinAs('node-1', await volumes())
        expect(new X509Certificate(certificate).subject).toBe('CN=node-1')
      })

      test.each<[string, Partial<PodPlace>, string]>([
        ['on another node', { node: 'node-2' }, 'pod on node node-2'],
        ['of another service account', { account: 'other' }, 'not as system:serviceaccount:'],
        ['with a token for somebody else', { audience: 'other' }, 'no such token'],
      ])('whose pod is %s does not', async (_, place, reason) => {
        await expect(joinAs('node-9', await volumes(place))).rejects.toThrow(reason)
      })
    })

    /** Of protection, about all that is in the namespace. */
    const say = (word: string) =>
      objects(NAMESPACES).apply(
        { name: namespace },
        { metadata: { annotations: { 'sekisho.dev/firewall': word } } },
        { fieldManager: 'test-firewall' },
      )

    test('protection is switched off by a pod or its namespace, unless it is required', async () => {
      await pod('free', '10.9.0.2', { 'sekisho.dev/firewall': 'disabled' })
      await pod('other', '10.9.0.3')
      const protection = () => ['free', 'other'].map(object => workload(object)?.protection)
      await vi.waitFor(() => expect(workload('other')).toBeDefined())
      await vi.waitFor(() => expect(protection()).toEqual(['off', undefined]))
      await say('disabled')
      await vi.waitFor(() => expect(protection()).toEqual(['off', 'off']))
      await say('required')
      await vi.waitFor(() => expect(protection()).toEqual([undefined, undefined]))
      await say('enabled')
      await vi.waitFor(() => expect(protection()).toEqual(['off', undefined]))
      for (const object of ['free', 'other']) await objects(PODS).remove(at(object))
    })

    test('policies of all kinds are in force as they are, and gone when they are deleted', async () => {
      const spec = { podSelector: {}, policyTypes: ['Ingress'] }
      await objects(NETWORK_POLICIES).create({ namespace }, { metadata: { name: 'deny' }, spec })
      await objects(SECURITY_POLICIES).create({ namespace }, { metadata: { name: 'own' }, ...ingress() })
      const everywhere = {
        metadata: { name: namespace },
        spec: { subject: {}, egress: [{ action: 'Deny' }] },
      }
      await objects(CLUSTER_SECURITY_POLICIES).create({}, everywhere)
      const admin = { tier: 'Admin', priority: 7, subject: { namespaces: {} } }
      const fromAll = [{ action: 'Deny', from: [{ namespaces: {} }] }]
      await objects(CLUSTER_NETWORK_POLICIES).create(
        {},
        { metadata: { name: namespace }, spec: { ...admin, ingress: fromAll } },
      )
      await vi.waitFor(() => {
        expect(stored('NetworkPolicy', 'deny')?.mode).toBe('Enforce')
        expect(stored('SecurityPolicy', 'own')?.mode).toBe('Audit')
        expect(server.store.policies.get(`ClusterSecurityPolicy//${namespace}` as PolicyId)).toBeDefined()
        expect(server.store.policies.get(`ClusterNetworkPolicy//${namespace}` as PolicyId)?.mode).toBe(
          'Enforce',
        )
      })
      expect(stored('SecurityPolicy', 'own')?.updatedBy).toBe('kubernetes')
      await objects(NETWORK_POLICIES).remove(at('deny'))
      await vi.waitFor(() => expect(stored('NetworkPolicy', 'deny')).toBeUndefined())
      await objects(CLUSTER_SECURITY_POLICIES).remove({ name: namespace })
      await objects(CLUSTER_NETWORK_POLICIES).remove({ name: namespace })
    })

    test('the cluster is told what became of them', async () => {
      await objects(SECURITY_POLICIES).apply(at('told'), ingress(), { fieldManager: 'test' })
      await vi.waitFor(async () => expect(await conditions('told')).toMatchObject({ Accepted: 'True Valid' }))
    })

    test('one that cannot be read leaves the version before it in force, and says so', async () => {
      const good = { subject: { podSelector: { matchLabels: { app: 'kept' } } }, ingress: [] }
      await objects(SECURITY_POLICIES).apply(at('kept'), { spec: good }, { fieldManager: 'test' })
      await vi.waitFor(() => expect(stored('SecurityPolicy', 'kept')).toBeDefined())
      const before = stored('SecurityPolicy', 'kept')
      const wrong = { spec: { ...good, ingress: [{ form: [{ entity: 'dns' }] }] } }
      await objects(SECURITY_POLICIES).apply(at('kept'), wrong, { fieldManager: 'test', force: true })
      await vi.waitFor(async () =>
        expect(await conditions('kept')).toMatchObject({ Accepted: 'False Invalid' }),
      )
      expect(stored('SecurityPolicy', 'kept')).toEqual(before)
      const { json } = await objects(SECURITY_POLICIES).get(at('kept'))
      expect(JSON.stringify(json.status)).toMatch(
        /spec.ingress\[0\].form: .*The version before it stays in force/,
      )
      await vi.waitFor(async () =>
        expect(await eventsAbout('kept')).toEqual(['Warning Invalid SecurityPolicy sekisho-server']),
      )
    })

    describe('a machine outside', () => {
      const external = (object: string) =>
        server.store.records.inventory().workloads.find(({ id }) => id === `external:${namespace}/${object}`)
      const declare = (object: string, spec: JsonRecord) =>
        objects(EXTERNAL_WORKLOADS).apply(
          at(object),
          { metadata: { labels: { app: object } }, spec },
          { fieldManager: 'test', force: true },
        )
      const said = (object: string) => conditions(object, EXTERNAL_WORKLOADS)

      test('is a workload with labels, and is told what is not its own', async () => {
        await declare('db', { addresses: ['10.20.0.7', '2001:db8::7'], ports: [{ name: 'pg', port: 5432 }] })
        await vi.waitFor(() =>
          expect(external('db')).toMatchObject({
            kind: 'external',
            labels: { app: 'db' },
            node: '',
            addresses: ['10.20.0.7', '2001:db8::7'],
            ports: [{ name: 'pg', protocol: 'TCP', port: 5432 }],
          }),
        )
        await vi.waitFor(async () =>
          expect(await said('db')).toMatchObject({
            Accepted: 'True Valid',
            Conflicted: 'False NoConflict',
            Connected: 'False NoAgent',
            Ready: 'True Ready',
          }),
        )
        await say('disabled')
        await vi.waitFor(() => expect(external('db')?.protection).toBe('off'))
        await say('enabled')
        await vi.waitFor(() => expect(external('db')?.protection).toBeUndefined())
        await pod('taker', '10.20.0.7')
        await vi.waitFor(() => expect(external('db')?.addresses).toEqual(['2001:db8::7']))
        await vi.waitFor(async () =>
          expect(await said('db')).toMatchObject({ Conflicted: 'True Taken', Ready: 'False Taken' }),
        )
        await vi.waitFor(async () =>
          expect(await eventsAbout('db')).toEqual(['Warning Conflicted ExternalWorkload sekisho-server']),
        )
        const { json } = await objects(EXTERNAL_WORKLOADS).get(at('db'))
        expect(JSON.stringify(json.status)).toContain(`10.20.0.7 is of pod ${namespace}/taker.`)
      })

      test('whose agent never joined is not ready, and one that cannot be read stays what it was', async () => {
        await declare('vm', { addresses: ['10.20.0.9'], node: 'vm-1' })
        await vi.waitFor(async () =>
          expect(await said('vm')).toMatchObject({ Connected: 'False NotJoined', Ready: 'False NotJoined' }),
        )
        await declare('vm', { addresses: ['10.20.0.9'], node: 'vm-1', nodes: 'vm-2' })
        await vi.waitFor(async () => expect(await said('vm')).toMatchObject({ Accepted: 'False Invalid' }))
        expect(external('vm')?.node).toBe('vm-1')
        const { json } = await objects(EXTERNAL_WORKLOADS).get(at('vm'))
        expect(JSON.stringify(json.status)).toMatch(/spec.nodes: unknown field; did you mean \\"node\\"/)
      })

      test('is gone when it is deleted, also while the server was away', async () => {
        await objects(EXTERNAL_WORKLOADS).remove(at('db'))
        await vi.waitFor(() => expect(external('db')).toBeUndefined())
        await server[Symbol.asyncDispose]()
        await objects(EXTERNAL_WORKLOADS).remove(at('vm'))
        server = await startFor(access, data)
        await vi.waitFor(() => expect(external('vm')).toBeUndefined())
      })
    })

    test('a rule of responses is read, and acts on what is found', async () => {
      await pod('miner', '10.9.0.8')
      const rule = { match: { findings: ['mining-pool'] }, actions: [{ quarantine: {} }] }
      const spec = { mode: 'Enforce', ...rule }
      await objects(RESPONSE_RULES).create({}, { metadata: { name: namespace }, spec })
      await vi.waitFor(() => {
        expect(workload('miner')).toBeDefined()
        expect(server.store.policies.get(`ResponseRule//${namespace}` as PolicyId)?.mode).toBe('Enforce')
      })
      server.store.records.addEvent({
        code: 'mining-pool',
        severity: 'critical',
        at: clock.now(),
        workload: `pod:${namespace}/miner` as WorkloadId,
        details: { name: 'pool.example' },
      })
      await vi.waitFor(async () => {
        const { json } = await objects(RESPONSE_RULES).get({ name: namespace })
        expect(json.status).toMatchObject({ active: 1, firedLastDay: 1 })
        expect(await eventsAbout('miner')).toEqual(['Warning Quarantined Pod sekisho-server'])
      })
      await objects(RESPONSE_RULES).remove({ name: namespace })
      const made = () => server.store.policies.list().filter(({ id }) => id.includes('//response.'))
      await vi.waitFor(() => expect(made()).toEqual([]))
    })

    test('what changed while the server was away is caught up with', async () => {
      await pod('away-1', '10.9.0.7')
      await objects(SECURITY_POLICIES).apply(at('away'), ingress(), { fieldManager: 'test' })
      await vi.waitFor(() => {
        expect(workload('away-1')).toBeDefined()
        expect(stored('SecurityPolicy', 'away')).toBeDefined()
      })
      await server[Symbol.asyncDispose]()
      await objects(SECURITY_POLICIES).remove(at('away'))
      await objects(SECURITY_POLICIES).apply(at('away-2'), ingress(), { fieldManager: 'test' })
      server = await startFor(access, data)
      await vi.waitFor(() => {
        expect(stored('SecurityPolicy', 'away')).toBeUndefined()
        expect(stored('SecurityPolicy', 'away-2')).toBeDefined()
      })
    })

    test('where the server only watches, NetworkPolicies are enforced that say so themselves', async () => {
      await server[Symbol.asyncDispose]()
      server = await startFor(access, data, { networkPolicies: 'Audit' })
      const spec = { podSelector: {}, policyTypes: ['Ingress'] }
      const annotations = { 'sekisho.dev/mode': 'Enforce' }
      await objects(NETWORK_POLICIES).create({ namespace }, { metadata: { name: 'watched' }, spec })
      await objects(NETWORK_POLICIES).create(
        { namespace },
        { metadata: { name: 'meant', annotations }, spec },
      )
      await vi.waitFor(() => {
        expect(stored('NetworkPolicy', 'watched')?.mode).toBe('Audit')
        expect(stored('NetworkPolicy', 'meant')?.mode).toBe('Enforce')
      })
    })
  })
}
