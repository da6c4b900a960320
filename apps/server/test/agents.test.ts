import { X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { AgentView, FlowView, WorkloadView } from '@sekisho/control'
import { LIMITS } from '@sekisho/core'
import { openStore } from '@sekisho/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  batch,
  flow,
  follow,
  historyOf,
  join,
  joinToken,
  newKey,
  publicPem,
  send,
  sendJoin,
  shop,
  stall,
  upload,
  workload,
} from './agent.ts'
import { type Client, policyYaml, startTestServer, type TestServer } from './harness.ts'

let server: TestServer
let client: Client
beforeAll(async () => {
  server = await startTestServer()
  client = await server.login()
})
afterAll(() => server[Symbol.asyncDispose]())

const codeOf = ({ body }: { body: string }) => (JSON.parse(body) as { code: string }).code

describe('joining', () => {
  test('a token is good for one agent, once', async () => {
    const token = await joinToken(server)
    const publicKey = publicPem(newKey())
    const first = await sendJoin(server, { token, node: 'once', publicKey })
    expect(first.status).toBe(200)
    const { certificate, ca } = JSON.parse(first.body) as { certificate: string; ca: string }
    expect(new X509Certificate(certificate).subject).toBe('CN=once')
    expect(new X509Certificate(certificate).verify(new X509Certificate(ca).publicKey)).toBe(true)
    const replayed = await sendJoin(server, { token, node: 'twice', publicKey })
    expect([replayed.status, codeOf(replayed)]).toEqual([401, 'unauthenticated'])
  })

  test('of many that use one token at the same time one joins', async () => {
    const token = await joinToken(server)
    const answers = await Promise.all(
      [1, 2, 3, 4].map(n => sendJoin(server, { token, node: `race-${n}`, publicKey: publicPem(newKey()) })),
    )
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401, 401, 401])
    server.time.advance(LIMITS.loginWindow.value * 1000)
  })

  test('a token for one node lets no other join, and is still good for its own', async () => {
    const token = await joinToken(server, { node: 'mine' })
    const publicKey = publicPem(newKey())
    const other = await sendJoin(server, { token, node: 'other', publicKey })
    expect([other.status, codeOf(other)]).toEqual([403, 'forbidden'])
    expect((await sendJoin(server, { token, node: 'mine', publicKey })).status).toBe(200)
  })

  test('an expired token is worth nothing', async () => {
    const token = await joinToken(server, { expiresInMinutes: 1 })
    server.time.advance(60_001)
    expect((await sendJoin(server, { token, node: 'late', publicKey: publicPem(newKey()) })).status).toBe(401)
  })

  test.each<[string, object]>([
    ['a node name that is none', { node: 'a/b' }],
    ['a name that would be another field of the certificate', { node: 'a\nCN=b' }],
    ['a key that is none', { publicKey: 'hello' }],
    ['a private key', { publicKey: newKey() }],
    ['an unknown field', { admin: true }],
  ])('%s is refused, and the token is still good', async (_name, wrong) => {
    const token = await joinToken(server)
    const right = { token, node: 'careful', publicKey: publicPem(newKey()) }
    const answer = await sendJoin(server, { ...right, ...wrong })
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad-request'])
    expect((await sendJoin(server, right)).status).toBe(200)
  })

  test('guessing tokens is cut off', async () => {
    const attempt = () => sendJoin(server, { token: 'a.b.c', node: 'guess', publicKey: publicPem(newKey()) })
    for (let i = 0; i < LIMITS.loginAttempts.value; i++) expect((await attempt()).status).toBe(401)
    expect((await attempt()).status).toBe(429)
    server.time.advance(LIMITS.loginWindow.value * 1000)
  })
})

describe('the certificate', () => {
  test('is needed for everything but joining', async () => {
    for (const [method, path] of [
      ['GET', '/agent/v1/state'],
      ['POST', '/agent/v1/batches'],
      ['POST', '/agent/v1/renew'],
    ] as const) {
      const answer = await send(server, { method, path })
      expect([answer.status, codeOf(answer)]).toEqual([401, 'unauthenticated'])
    }
  })

  test('of another authority is refused', async () => {
    await using stranger = await startTestServer()
    const { key, cert } = await join(stranger, 'node-a')
    const answer = await send(server, { method: 'GET', path: '/agent/v1/state', identity: { key, cert } })
    expect(answer.status).toBe(401)
  })

  test('of the server is no agent’s', async () => {
    const { key, cert, ca } = await join(server, 'sekisho-server')
    expect((await upload(server, { key, cert, ca }, batch('sekisho-server', 1))).status).toBe(200)
    const tls = await import('node:tls')
    const socket = tls.connect({ port: server.agentsPort, host: '127.0.0.1', ca })
    await new Promise(resolve => socket.once('secureConnect', resolve))
    expect(new X509Certificate(socket.getPeerX509Certificate()?.raw ?? '').keyUsage).toEqual([
      '1.3.6.1.5.5.7.3.1',
    ])
    socket.destroy()
  })

  test('is refused as soon as the node joined again, also on an open stream', async () => {
    const old = await join(server, 'replaced')
    using stream = await follow(server, old)
    await stream.next()
    const current = await join(server, 'replaced')
    expect((await upload(server, old, batch('replaced', 1))).status).toBe(401)
    server.time.advance(5_000) // the next heartbeat
    await stream.ended
    expect((await upload(server, current, batch('replaced', 1))).status).toBe(200)
  })

  test('of an agent that was removed is refused, its stream ends, its workloads are gone', async () => {
    const identity = await join(server, 'revoked')
    await upload(
      server,
      identity,
      batch('revoked', 1, { workloads: [workload('revoked', 'gone', '10.7.0.1')] }),
    )
    using stream = await follow(server, identity)
    await stream.next()
    expect((await client.call('DELETE', 'agents/revoked')).status).toBe(204)
    await stream.ended
    expect((await upload(server, identity, batch('revoked', 2))).status).toBe(401)
    expect((await send(server, { method: 'POST', path: '/agent/v1/renew', identity })).status).toBe(401)
    expect((await client.get<{ items: WorkloadView[] }>('workloads?filter=gone')).items).toEqual([])
    expect((await client.call('DELETE', 'agents/revoked')).status).toBe(404)
  })

  test('is renewed for the same key; the old one stays good until it ends', async () => {
    const old = await join(server, 'renewed')
    server.time.advance(86_400_000)
    const answer = await send(server, { method: 'POST', path: '/agent/v1/renew', identity: old })
    const { certificate } = JSON.parse(answer.body) as { certificate: string }
    expect(new X509Certificate(certificate).validTo).not.toBe(new X509Certificate(old.cert).validTo)
    expect((await upload(server, { ...old, cert: certificate }, batch('renewed', 1))).status).toBe(200)
    expect((await upload(server, old, batch('renewed', 2))).status).toBe(200)
    client = await server.login()
  })
})

describe('a batch', () => {
  const node = 'batches'
  let identity: Awaited<ReturnType<typeof join>>
  const web = workload(node, 'web', '10.1.0.1')
  const api = workload(node, 'api', '10.1.0.2')
  beforeAll(async () => {
    identity = await join(server, node)
  })

  test('is stored when it is acknowledged, and counted once when it is sent twice', async () => {
    const now = server.time.clock.now()
    const details = [{ detail: 'user', value: 'ada' }] as const
    // The agent of tomorrow says more.
    const flows = [{ ...flow(now, web, api), details, colour: 'green' }]
    const one = { ...batch(node, 1, { workloads: [web, api], namespaces: shop, flows }), mood: 'good' }
    for (let i = 0; i < 2; i++) {
      expect(await upload(server, identity, one)).toEqual({ status: 200, body: '{"sequence":1}' })
    }
    const found = await client.get<{ items: FlowView[] }>('flows?filter=src:shop/web')
    expect(found.items[0]?.details).toEqual(details)
    expect(found.items.map(({ connections, source, port }) => [connections, source.key, port])).toEqual([
      [3, 'shop/web', 443],
    ])
    const workloads = await client.get<{ items: WorkloadView[] }>('workloads?namespace=shop')
    expect(workloads.items.map(({ id }) => id)).toEqual(['pod:shop/api', 'pod:shop/web'])
    const one1 = await client.get<WorkloadView>(`workloads/${encodeURIComponent('pod:shop/web')}`)
    expect(one1.addresses).toEqual(['10.1.0.1'])
    const agents = await client.get<{ items: AgentView[] }>('agents')
    expect(agents.items.map(agent => agent.node)).toContain(node)
  })

  const good = batch(node, 9, { flows: [flow(0, web, api)] })
  test.each<[string, unknown, number]>([
    ['in another node’s name', { ...good, node: 'other' }, 403],
    ['with a workload of another node', { ...good, workloads: [{ ...web, node: 'other' }] }, 403],
    ['with a negative count', { ...good, flows: [{ ...flow(0, web, api), bytesToSource: -1 }] }, 400],
    ['with a count that is no number', { ...good, flows: [{ ...flow(0, web, api), packets: '1' }] }, 400],
    [
      'with an address that is none',
      { ...good, flows: [{ ...flow(0, web, api), source: { ip: '10.1.0.300' } }] },
      400,
    ],
    [
      'with an address in another form',
      { ...good, flows: [{ ...flow(0, web, api), source: { ip: '::FFFF:1.2.3.4' } }] },
      400,
    ],
    ['with a port past the last', { ...good, flows: [{ ...flow(0, web, api), port: 65_536 }] }, 400],
    [
      'with what is never said',
      { ...good, flows: [{ ...flow(0, web, api), details: [{ detail: 'password', value: 'x' }] }] },
      400,
    ],
    [
      'with letters that cannot be printed',
      { ...good, flows: [{ ...flow(0, web, api), details: [{ detail: 'user', value: '\u001b[2J' }] }] },
      400,
    ],
    ['with an unknown outcome', { ...good, flows: [{ ...flow(0, web, api), outcome: 'maybe' }] }, 400],
    [
      'with an over-long text',
      { ...good, events: [{ code: 'x', severity: 'info', at: 0, details: { a: 'x'.repeat(2_000) } }] },
      400,
    ],
    [
      'with too many addresses',
      { ...good, workloads: [{ ...web, addresses: Array(100).fill('10.0.0.1') }] },
      400,
    ],
    ['without flows', { node, epoch: 'e1', sequence: 9, events: [] }, 400],
    ['that is no object', [], 400],
  ])('%s is refused whole', async (_name, body, status) => {
    expect((await upload(server, identity, body)).status).toBe(status)
  })

  test('that is not gzip, or not JSON, is refused', async () => {
    const post = (body: Uint8Array, headers: Record<string, string>) =>
      send(server, { method: 'POST', path: '/agent/v1/batches', identity, body, headers })
    expect((await post(Buffer.from('hello'), { 'content-encoding': 'gzip' })).status).toBe(400)
    expect((await post(gzipSync('hello'), { 'content-encoding': 'gzip' })).status).toBe(400)
  })

  test('of too many uploads of one node at once the last is refused', async () => {
    const crowd = await join(server, 'crowd')
    const status = async () => (await upload(server, crowd, batch('crowd', 1))).status
    {
      using stalled = new DisposableStack()
      for (let i = 0; i < LIMITS.uploadsPerAgent.value; i++) stalled.use(stall(server, crowd))
      await expect.poll(status).toBe(429)
    }
    await expect.poll(status).toBe(200)
  })

  test('a gzip bomb stops at the limit', async () => {
    const bomb = gzipSync(Buffer.alloc(LIMITS.batchBytes.value + 1, 0x20))
    expect(bomb.length).toBeLessThan(100_000)
    const answer = await send(server, {
      method: 'POST',
      path: '/agent/v1/batches',
      identity,
      headers: { 'content-encoding': 'gzip' },
      body: bomb,
    })
    expect([answer.status, codeOf(answer)]).toEqual([413, 'too-large'])
  })

  test('a node cannot take another’s workload nor invent flows between others; its own flows are kept', async () => {
    const thief = await join(server, 'thief')
    const now = server.time.clock.now()
    const own = workload('thief', 'own', '10.2.0.1')
    const stolen = { ...web, node: own.node, labels: { app: 'api' } }
    const answer = await upload(
      server,
      thief,
      batch('thief', 1, { workloads: [own, stolen], flows: [flow(now, api, web), flow(now, own, web)] }),
    )
    expect(answer.status).toBe(200)
    const view = await client.get<WorkloadView>(`workloads/${encodeURIComponent(web.id)}`)
    expect([view.node, view.labels]).toEqual([node, { app: 'web' }])
    expect((await client.get<{ items: FlowView[] }>('flows?filter=src:shop/api')).items).toEqual([])
    expect((await client.get<{ items: FlowView[] }>('flows?filter=src:shop/own')).items).toHaveLength(1)
    const events = await client.get<{ items: { code: string }[] }>('events')
    expect(events.items.map(({ code }) => code)).toContain('agent-overreach')
  })

  test('a node cannot claim an address of another’s workload, nor relabel a namespace that others run', async () => {
    const liar = await join(server, 'liar')
    await upload(
      server,
      identity,
      batch(node, 15, { namespaces: [{ name: 'prod', labels: { tier: 'gold' } }] }),
    )
    const claims = {
      ...workload('liar', 'a-claimant', '10.4.0.1'),
      addresses: [...web.addresses, '10.4.0.1'],
    }
    const namespaces = (labels: Record<string, string>) => [{ name: 'prod', labels }]
    // First in agreement, so as to be the last who spoke; with a flow of long ago, so as to be the first.
    await upload(
      server,
      liar,
      batch('liar', 1, { namespaces: namespaces({ tier: 'gold' }), flows: [flow(0, claims, web)] }),
    )
    await upload(
      server,
      liar,
      batch('liar', 2, { workloads: [claims], namespaces: namespaces({ tier: 'mine' }) }),
    )
    const view = await client.get<WorkloadView>(`workloads/${encodeURIComponent(claims.id)}`)
    expect(view.addresses).toEqual(['10.4.0.1'])
    using store = openStore({ path: resolve(server.data, 'sekisho.db'), clock: server.time.clock })
    expect(store.records.inventory().namespaces).toContainEqual({ name: 'prod', labels: { tier: 'gold' } })
  })

  test('what another node lets go of is taken over with the next batch', async () => {
    const thief = await join(server, 'heir')
    const moved = { ...api, node: workload('heir', 'x', '10.3.0.1').node, addresses: ['10.3.0.1'] }
    await upload(server, thief, batch('heir', 1, { workloads: [moved] }))
    const nodeOf = async () =>
      (await client.get<WorkloadView>(`workloads/${encodeURIComponent(api.id)}`)).node
    expect(await nodeOf()).toBe(node)
    await upload(server, identity, batch(node, 20, { workloads: [web] }))
    await upload(server, thief, batch('heir', 2))
    expect(await nodeOf()).toBe('heir')
  })

  test('what a node that is long gone reported may be taken over', async () => {
    const dead = await join(server, 'dead')
    const heir = await join(server, 'next')
    const pod = workload('dead', 'stateful-0', '10.4.0.1')
    await upload(server, dead, batch('dead', 1, { workloads: [pod] }))
    const moved = { ...pod, node: workload('next', 'x', '10.5.0.1').node, addresses: ['10.5.0.1'] }
    await upload(server, heir, batch('next', 1, { workloads: [moved] }))
    const nodeOf = async () =>
      (await client.get<WorkloadView>(`workloads/${encodeURIComponent(pod.id)}`)).node
    expect(await nodeOf()).toBe('dead')
    server.time.advance(5 * 60_000)
    await upload(server, heir, batch('next', 2))
    expect(await nodeOf()).toBe('next')
  })
})

describe('the state stream', () => {
  const node = 'streams'
  let identity: Awaited<ReturnType<typeof join>>
  beforeAll(async () => {
    identity = await join(server, node)
    const own = ['one', 'two'].map((name, i) => workload(node, name, `10.8.0.${i + 1}`))
    await upload(server, identity, batch(node, 1, { workloads: own, namespaces: shop }))
  })

  test('begins with a snapshot, goes on with deltas, and says nothing again to who knows all', async () => {
    using first = await follow(server, identity)
    const snapshot = await first.next()
    expect(snapshot).toMatchObject({ kind: 'snapshot', policies: [] })
    await client.post('policies/apply', { yaml: policyYaml('one') })
    const delta = await first.next()
    expect(delta).toMatchObject({
      kind: 'delta',
      policies: { set: [{ metadata: { name: 'one' } }], removed: [] },
    })
    expect(delta.revision).toBeGreaterThan(snapshot.revision)
    const position = { history: historyOf(snapshot), revision: delta.revision }

    using again = await follow(server, identity, position)
    await client.post('policies/apply', { yaml: policyYaml('two') })
    expect(await again.next()).toMatchObject({
      kind: 'delta',
      policies: { set: [{ metadata: { name: 'two' } }] },
    })
    await client.post('policies/delete', { ids: ['SecurityPolicy/shop/one'] })
    using late = await follow(server, identity, position)
    const whole = await late.next()
    expect(whole).toMatchObject({ kind: 'snapshot', policies: [{ metadata: { name: 'two' } }] })
    expect(await again.next()).toMatchObject({
      kind: 'delta',
      revision: whole.revision,
      policies: { set: [], removed: ['SecurityPolicy/shop/one'] },
    })
  })

  test('has what its node needs: policies of its workloads, and whom they ask about', async () => {
    const other = await join(server, 'elsewhere')
    const [web, job] = [workload('elsewhere', 'web', '10.8.1.1'), workload('elsewhere', 'job', '10.8.1.2')]
    await upload(server, other, batch('elsewhere', 1, { workloads: [web, job] }))
    await client.post('policies/apply', { yaml: policyYaml('job') })
    using stream = await follow(server, identity)
    const snapshot = await stream.next()
    if (snapshot.kind !== 'snapshot') throw new Error('no snapshot')
    const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).toSorted()
    expect(names(snapshot.workloads)).toEqual(['one', 'two', 'web'])
    expect(snapshot.policies).toMatchObject([{ metadata: { name: 'two' } }])
    const relabelled = { ...job, labels: { app: 'web' } }
    await upload(server, other, batch('elsewhere', 2, { workloads: [web, relabelled] }))
    expect(await stream.next()).toMatchObject({ kind: 'delta', workloads: { set: [{ name: 'job' }] } })
    await upload(server, other, batch('elsewhere', 3, { workloads: [web, job] }))
    expect(await stream.next()).toMatchObject({ kind: 'delta', workloads: { set: [], removed: [job.id] } })
    await upload(server, other, batch('elsewhere', 4, { workloads: [web] }))
    const nothing = await stream.next()
    expect(Object.keys(nothing).toSorted()).toEqual(['kind', 'revision'])
  })

  test('an agent that is ahead of this server, as after a restore, gets a snapshot', async () => {
    using first = await follow(server, identity)
    const history = historyOf(await first.next())
    using stream = await follow(server, identity, { history, revision: 1_000_000 })
    expect((await stream.next()).kind).toBe('snapshot')
  })

  test('an agent of another history gets a snapshot, though the number is the same', async () => {
    using first = await follow(server, identity)
    const { revision } = await first.next()
    using stream = await follow(server, identity, { history: 'another run', revision })
    expect(await stream.next()).toMatchObject({ kind: 'snapshot', revision })
  })

  test('of too many streams of one node the oldest ends', async () => {
    using oldest = await follow(server, identity)
    await oldest.next()
    const more = await Promise.all(
      Array.from({ length: LIMITS.streamsPerAgent.value }, () => follow(server, identity)),
    )
    await oldest.ended
    for (const stream of more) {
      expect((await stream.next()).kind).toBe('snapshot')
      stream[Symbol.dispose]()
    }
  })

  test('a heartbeat comes every five seconds, and the agent counts as connected while it listens', async () => {
    const connected = async () =>
      (await client.get<{ items: AgentView[] }>('agents')).items.find(agent => agent.node === node)?.connected
    const stream = await follow(server, identity)
    await stream.next()
    expect(await connected()).toBe(true)
    stream[Symbol.dispose]()
    await expect.poll(connected).toBe(false)
  })

  test('what one agent reports, the other is told', async () => {
    const other = await join(server, 'reporter')
    using stream = await follow(server, identity)
    await stream.next()
    const db = { ...workload('reporter', 'db', '10.9.0.1'), labels: { app: 'web' } }
    await upload(server, other, batch('reporter', 1, { workloads: [db] }))
    expect(await stream.next()).toMatchObject({ kind: 'delta', workloads: { set: [{ id: 'pod:shop/db' }] } })
  })
})
