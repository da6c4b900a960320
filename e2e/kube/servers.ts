import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { issueLoginLink } from '@sekisho/control/credentials'
import type { NodeName, PolicyId, WorkloadId } from '@sekisho/core'
import {
  type ClusterAccess,
  CONFIG_MAPS,
  type KubeClient,
  KubeObjects,
  NAMESPACES,
  openKubeClient,
  PODS,
  RESPONSE_RULES,
  type ResourceType,
  SECRETS,
  SECURITY_POLICIES,
} from '@sekisho/kube'
import { openStore } from '@sekisho/store'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  batch,
  follow,
  historyOf,
  type Identity,
  newKey,
  publicPem,
  send,
  sendJoin,
  upload,
} from '../../apps/server/test/agent.ts'
import { createClient, policyYaml } from '../../apps/server/test/harness.ts'
import { podToken } from '../../packages/kube/test/pod-token.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { type ClusterUnderTest, startFor } from './cluster.ts'
import { Standstill } from './standstill.ts'

/** Longer than a lease and the retries of whoever waits for it. */
const TAKEOVER_MS = 90_000
const slow = { timeout: TAKEOVER_MS, interval: 200 }

type Server = Awaited<ReturnType<typeof startFor>>

/** What several servers of one cluster are to agents and people: the same with the double and a real API server. */
export function serversSuite(name: string, open: () => Promise<ClusterUnderTest>): void {
  describe(`servers of ${name}`, () => {
    const resources = new AsyncDisposableStack()
    const directories = ['a', 'b', 'c'].map(each => mkdtempSync(join(tmpdir(), `sekisho-servers-${each}-`)))
    let access: ClusterAccess
    let client: KubeClient
    beforeAll(async () => {
      const cluster = resources.use(await open())
      access = cluster.serverAccess
      client = resources.use(openKubeClient({ access: cluster.access, userAgent: 'test/0', timers }))
    }, 300_000)
    afterAll(async () => {
      await resources.disposeAsync()
      for (const directory of directories) rmSync(directory, { recursive: true })
    })

    const start = (index: number, more = {}): Promise<Server> =>
      startFor(access, directories[index] ?? '', { elected: true, ...more })
    const state = (server: Server, identity?: Identity) =>
      send(server, {
        method: 'POST',
        path: '/agent/v1/batches',
        ...(identity && { identity }),
        body: 'nothing that could be stored',
      })
    /** Answers agents, be it that they show no certificate. */
    const answers = async (server: Server): Promise<boolean> => (await state(server)).status === 401
    const leading = async (...servers: readonly Server[]): Promise<readonly boolean[]> =>
      Promise.all(servers.map(answers))
    const joined = async (server: Server, node: string): Promise<Required<Identity>> => {
      const place = {
        namespace: access.namespace,
        account: 'sekisho-agent',
        node,
        audience: 'sekisho-server',
      }
      const [key, serviceAccountToken] = [newKey(), await podToken(client, place)]
      const answer = await sendJoin(server, { serviceAccountToken, node, publicKey: publicPem(key) })
      expect(answer).toMatchObject({ status: 200 })
      const { certificate, ca } = JSON.parse(answer.body) as { certificate: string; ca: string }
      return { key, cert: certificate, ca }
    }
    const login = async (server: Server) => {
      const person = createClient(server.url)
      await person.login(issueLoginLink(server.store.accounts, timers))
      return person
    }

    test('have one authority, which nobody can put another in the place of', async () => {
      await using first = await start(0)
      await using second = await start(1)
      const [one, two] = [0, 1].map(i => readFileSync(join(directories[i] ?? '', 'ca.pem'), 'utf8'))
      expect(two).toBe(one)
      const place = { namespace: access.namespace, name: 'sekisho-authority' }
      const secret = await new KubeObjects(client, SECRETS).get(place)
      expect(secret.json).toMatchObject({ immutable: true })
      await vi.waitFor(
        async () => expect((await leading(first, second)).filter(Boolean)).toHaveLength(1),
        slow,
      )
    })

    test('one answers agents and people; the others are ready, and say who does', async () => {
      await using first = await start(0)
      await vi.waitFor(async () => expect(await leading(first)).toEqual([true]), slow)
      await using second = await start(1)
      await vi.waitFor(async () => expect((await fetch(`${second.url}/readyz`)).status).toBe(200), slow)
      expect(await leading(first, second)).toEqual([true, false])
      await vi.waitFor(async () => {
        const answer = await fetch(`${second.url}/api/v1/policies`)
        expect([answer.status, await answer.text()]).toEqual([
          503,
          expect.stringMatching(/stands by; .* leads/),
        ])
      })
      const metrics = await Promise.all(
        [first, second].map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
      )
      expect(metrics.map(text => /^sekisho_server_leads (\d)$/m.exec(text)?.[1])).toEqual(['1', '0'])
    })

    test('an agent of the one is an agent of the next, which tells it all; who was sent away stays so', async () => {
      const first = await start(0)
      await using second = await start(1)
      let identity: Required<Identity>
      let gone: Required<Identity>
      let position: { readonly history: string; readonly revision: number }
      {
        await using _leader = first
        await vi.waitFor(async () => expect(await leading(first, second)).toEqual([true, false]), slow)
        identity = await joined(first, 'node-1')
        gone = await joined(first, 'node-2')
        const person = await login(first)
        expect((await person.call('DELETE', 'agents/node-2')).status).toBe(204)
        expect((await state(first, gone)).status).toBe(401)
        using stream = await vi.waitFor(() => follow(first, identity), slow)
        const snapshot = await stream.next()
        position = { history: historyOf(snapshot), revision: snapshot.revision }
        expect((await upload(first, identity, batch('node-1', 1))).status).toBe(200)
      }
      await vi.waitFor(async () => expect(await leading(second)).toEqual([true]), slow)
      expect((await state(second, gone)).status).toBe(401)
      // Whose acknowledgement was lost, and the next.
      for (const sequence of [1, 2])
        expect((await upload(second, identity, batch('node-1', sequence))).status).toBe(200)
      using stream = await vi.waitFor(() => follow(second, identity, position), slow)
      expect((await stream.next()).kind).toBe('snapshot')
      const again = await joined(second, 'node-2')
      expect((await upload(second, again, batch('node-2', 1))).status).toBe(200)
      expect(second.store.agents.get('node-1' as NodeName)?.joinedAt).toBeDefined()
    })

    test('policies are the cluster’s: none is kept that the other would not enforce', async () => {
      {
        await using leader = await start(0)
        await vi.waitFor(async () => expect(await leading(leader)).toEqual([true]), slow)
        const person = await login(leader)
        const answer = await person.call('POST', 'policies/apply', { yaml: policyYaml('kept') })
        expect([answer.status, await answer.text()]).toEqual([409, expect.stringMatching(/Kubernetes API/)])
      }
      {
        await using alone = await startFor(access, directories[2] ?? '')
        const person = await login(alone)
        expect((await person.call('POST', 'policies/apply', { yaml: policyYaml('kept') })).status).toBe(200)
      }
      await expect(start(2)).rejects.toThrow('SecurityPolicy/shop/kept')
      using store = openStore({ path: join(directories[2] ?? '', 'sekisho.db'), clock: timers })
      store.policies.apply({
        actor: 'test',
        summary: 'moved',
        set: [],
        removed: store.policies.list().map(({ id }) => id),
      })
    })

    test('what a response cut off stays so with the next one, where it can be lifted', async () => {
      const objects = (type: ResourceType) => new KubeObjects(client, type)
      await objects(NAMESPACES).create({}, { metadata: { name: 'den' } })
      const pod = { nodeName: 'node-1', containers: [{ name: 'main', image: 'none' }] }
      await objects(PODS).create({ namespace: 'den' }, { metadata: { name: 'miner' }, spec: pod })
      const spec = { mode: 'Enforce', match: { findings: ['mining-pool'] }, actions: [{ quarantine: {} }] }
      await objects(RESPONSE_RULES).create({}, { metadata: { name: 'contain' }, spec })
      const miner = 'pod:den/miner' as WorkloadId
      const made = ({ store }: Server) => store.policies.list().filter(({ id }) => id.includes('//response.'))
      const first = await start(0)
      await using second = await start(1)
      {
        await using _leader = first
        await vi.waitFor(async () => expect(await leading(first, second)).toEqual([true, false]), slow)
        await vi.waitFor(() => {
          expect(first.store.records.inventory().workloads.map(({ id }) => id)).toContain(miner)
          expect(first.store.policies.get('ResponseRule//contain' as PolicyId)?.mode).toBe('Enforce')
        }, slow)
        const found = {
          code: 'mining-pool',
          severity: 'critical',
          at: timers.now(),
          workload: miner,
        } as const
        first.store.records.addEvent({ ...found, details: { name: 'pool.example' } })
        await vi.waitFor(() => {
          expect(made(second).map(({ document }) => document)).toEqual(
            made(first).map(({ document }) => document),
          )
          expect(made(second)).toHaveLength(1)
        }, slow)
      }
      await vi.waitFor(async () => expect(await leading(second)).toEqual([true]), slow)
      const [quarantine] = made(second)
      const person = await login(second)
      const edited = { yaml: quarantine?.yaml.replaceAll('Deny', 'Allow') }
      expect((await person.call('POST', 'policies/apply', edited)).status).toBe(409)
      expect(made(second)).toEqual([quarantine])
      const lifted = await person.call('POST', 'policies/delete', { ids: [quarantine?.id] })
      expect([lifted.status, made(second)]).toEqual([200, []])
      const shared = { namespace: access.namespace, name: 'sekisho-responses' }
      await vi.waitFor(async () => {
        const { json } = await objects(CONFIG_MAPS).get(shared)
        expect(json.data ?? {}).toEqual({})
      }, slow)
      await objects(RESPONSE_RULES).remove({ name: 'contain' })
    })

    test('two that believe they lead open and lose nothing, and it is told', {
      timeout: 3 * TAKEOVER_MS,
    }, async () => {
      const time = new Standstill()
      await using first = await start(0, { time })
      await vi.waitFor(async () => expect(await leading(first)).toEqual([true]), slow)
      const identity = await joined(first, 'node-3')
      using stream = await vi.waitFor(() => follow(first, identity), slow)
      await stream.next()
      await using second = await start(1)
      time.stand()
      await vi.waitFor(async () => expect(await leading(first, second)).toEqual([true, true]), slow)
      // What the cluster says reaches those who follow the one, and those who follow the other.
      const policies = new KubeObjects(client, SECURITY_POLICIES)
      const pods = new KubeObjects(client, PODS)
      const labels = { app: 'guarded' }
      const containers = [{ name: 'main', image: 'none' }]
      await pods.create(
        { namespace: access.namespace },
        { metadata: { name: 'guarded', labels }, spec: { nodeName: 'node-3', containers } },
      )
      const spec = { mode: 'Enforce', subject: { podSelector: { matchLabels: labels } }, ingress: [] }
      await policies.create({ namespace: access.namespace }, { metadata: { name: 'both' }, spec })
      expect((await upload(first, identity, batch('node-3', 1))).status).toBe(200)
      expect((await upload(second, identity, batch('node-3', 2))).status).toBe(200)
      using other = await vi.waitFor(() => follow(second, identity), slow)
      const told = async (following: typeof stream) => {
        for (;;) if (JSON.stringify(await following.next()).includes('"both"')) return
      }
      await told(other)
      time.goOn()
      await vi.waitFor(async () => expect(await leading(first, second)).toEqual([false, true]), slow)
      await stream.ended
      await vi.waitFor(async () => {
        const text = await (await fetch(`${first.url}/metrics`)).text()
        expect(text).toMatch(/^sekisho_server_overlaps_total 1$/m)
      }, slow)
      expect(first.log.some(line => line.includes('another server leads'))).toBe(true)
    })
  })
}
