import { textAt, textsAt, valueAt } from '@sekisho/core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  type ClusterAccess,
  CONFIG_MAPS,
  Election,
  isConflict,
  isExpired,
  isNotFound,
  type KubeClient,
  KubeObjects,
  LEASES,
  NAMESPACES,
  openKubeClient,
  type Reflected,
  Reflector,
  reviewAccess,
  reviewToken,
} from '../src/index.ts'
import { pathOf } from '../src/resource.ts'
import { readWatchEvent } from '../src/watch/watch-event.ts'
import { podToken } from './pod-token.ts'
import { systemTimers as timers } from './system-timers.ts'

export interface ServerUnderTest extends AsyncDisposable {
  readonly access: ClusterAccess
  /** A version of which the server no longer knows what came after it. */
  forgottenVersion(): Promise<string>
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
    return undefined
  } catch (error) {
    return error
  }
}

/** What Sekisho expects of an API server: the same of the double and of the real one. */
export function apiServerContract(name: string, open: () => Promise<ServerUnderTest>): void {
  describe(`the API of ${name}`, () => {
    let server: ServerUnderTest
    let client: KubeClient
    let maps: KubeObjects
    const namespace = `contract-${crypto.randomUUID().slice(0, 8)}`
    beforeAll(async () => {
      server = await open()
      client = openKubeClient({ access: server.access, userAgent: 'sekisho-contract/0', timers })
      maps = new KubeObjects(client, CONFIG_MAPS)
      await new KubeObjects(client, NAMESPACES).create({}, { metadata: { name: namespace } })
    }, 300_000)
    afterAll(async () => {
      client?.[Symbol.dispose]()
      await server?.[Symbol.asyncDispose]()
    })
    const at = (object: string) => ({ namespace, name: object })
    const make = (object: string, labels = {}) =>
      maps.create({ namespace }, { metadata: { name: object, labels }, data: { say: object } })

    test('an object that is not there is not found', async () => {
      expect(isNotFound(await codeOf(maps.get(at('nothing'))))).toBe(true)
      expect(isNotFound(await codeOf(maps.remove(at('nothing'))))).toBe(true)
    })

    test('what was created is read back, once', async () => {
      const created = await make('once')
      expect(created).toMatchObject({ name: 'once', namespace, isDeleting: false })
      expect((await maps.get(at('once'))).json).toEqual(created.json)
      expect(isConflict(await codeOf(make('once')))).toBe(true)
    })

    test('who writes over a newer version is refused', async () => {
      const first = await make('raced')
      const second = await maps.replace(at('raced'), { ...first.json, data: { say: 'second' } })
      expect(second.resourceVersion).not.toBe(first.resourceVersion)
      expect(
        isConflict(await codeOf(maps.replace(at('raced'), { ...first.json, data: { say: 'late' } }))),
      ).toBe(true)
      expect(textAt((await maps.get(at('raced'))).json, 'data', 'say')).toBe('second')
    })

    test('applied fields have owners: no other changes them unless it takes them', async () => {
      const ours = { fieldManager: 'ours' }
      await maps.apply(at('applied'), { data: { a: '1', b: '1' } }, ours)
      await maps.apply(at('applied'), { data: { c: '1' } }, { fieldManager: 'theirs' })
      const refused = await codeOf(
        maps.apply(at('applied'), { data: { a: '2', c: '1' } }, { fieldManager: 'theirs' }),
      )
      expect(isConflict(refused)).toBe(true)
      const taken = await maps.apply(
        at('applied'),
        { data: { a: '2', c: '1' } },
        { fieldManager: 'theirs', force: true },
      )
      expect(textsAt(taken.json, 'data')).toEqual({ a: '2', b: '1', c: '1' })
      // What its owner no longer names goes; what others own stays.
      const less = await maps.apply(at('applied'), { data: {} }, ours)
      expect(textsAt(less.json, 'data')).toEqual({ a: '2', c: '1' })
    })

    test('a collection comes in pages, by label', async () => {
      const names = ['p1', 'p2', 'p3', 'p4', 'p5']
      for (const each of names) await make(each, { set: 'pages' })
      const found: string[] = []
      let next: string | undefined
      do {
        const page = await maps.page({ namespace, labelSelector: 'set=pages' }, { limit: 2, next })
        expect(page.objects.length).toBeLessThanOrEqual(2)
        found.push(...page.objects.map(object => object.name))
        next = page.next
      } while (next)
      expect(found.toSorted()).toEqual(names)
    })

    test('a watch from a version that was forgotten is told so', async () => {
      const resourceVersion = await server.forgottenVersion()
      const read = async () => {
        const query = { watch: true, resourceVersion, timeoutSeconds: 5 }
        const path = pathOf(CONFIG_MAPS, { namespace })
        for await (const line of client.stream({ method: 'GET', path, query }, 30_000)) readWatchEvent(line)
      }
      expect(isExpired(await codeOf(read()))).toBe(true)
    })

    test('a reflector tells what is there and each change, of what it selects', async () => {
      await make('r-before', { set: 'reflected' })
      await make('r-other', { set: 'other' })
      const told: Reflected<string>[] = []
      const stop = new AbortController()
      const reflector = new Reflector({
        client,
        type: CONFIG_MAPS,
        selection: { namespace, labelSelector: 'set=reflected' },
        timers,
        random: Math.random,
        read: ({ json }) => textAt(json, 'data', 'say'),
        onChange: change => told.push(change),
      })
      const running = reflector.run(stop.signal)
      await vi.waitFor(() => expect(reflector.isListed).toBe(true))
      const key = (name: string) => `${namespace}/${name}`
      expect(told).toEqual([{ set: new Map([[key('r-before'), 'r-before']]), removed: [] }])
      await make('r-new', { set: 'reflected' })
      const changed = { metadata: { name: 'r-before', labels: { set: 'reflected' } }, data: { say: 'anew' } }
      await maps.replace(at('r-before'), changed)
      await maps.remove(at('r-new'))
      await vi.waitFor(() => expect(told).toHaveLength(4))
      expect(told.slice(1)).toEqual([
        { set: new Map([[key('r-new'), 'r-new']]), removed: [] },
        { set: new Map([[key('r-before'), 'anew']]), removed: [] },
        { set: new Map(), removed: [key('r-new')] },
      ])
      stop.abort()
      await running
    })

    test('a token says whose pod it is of and on which node, to those it is for', async () => {
      const token = await podToken(client, { namespace, account: 'agent', node: 'node-7', audience: 'gate' })
      const review = (of: string, audience: string) => reviewToken(client, { token: of, audience })
      const user = `system:serviceaccount:${namespace}:agent`
      expect(await review(token, 'gate')).toEqual({ user, node: 'node-7' })
      expect(await review(token, 'other')).toBeUndefined()
      expect(await review(`${token}x`, 'gate')).toBeUndefined()
    })

    test('the API says who may do what, also of what it has no kinds of', async () => {
      const deed = {
        verb: 'unprotect',
        group: 'sekisho.dev',
        resource: 'protections',
        namespace,
        name: 'web',
      }
      const ask = (groups: readonly string[]) =>
        reviewAccess(client, { user: 'ann', groups, extra: { scopes: ['a'] } }, deed)
      expect(await ask(['system:masters'])).toBe(true)
      expect(await ask(['devs'])).toBe(false)
    })

    test('one candidate leads; when it leaves the next one does', async () => {
      const candidate = (identity: string) => {
        const stop = new AbortController()
        const options = { client, namespace, name: 'leader', timers, random: Math.random }
        const election = new Election({ ...options, identity, onChange: () => undefined })
        const done = election.run(stop.signal)
        const leave = async () => {
          stop.abort()
          await done
        }
        return { election, leave }
      }
      const first = candidate('first')
      await vi.waitFor(() => expect(first.election.leads).toBe(true))
      const second = candidate('second')
      await vi.waitFor(() => expect(second.election.holder).toBe('first'))
      expect(second.election.leads).toBe(false)
      await first.leave()
      expect(first.election.leads).toBe(false)
      await vi.waitFor(() => expect(second.election.leads).toBe(true))
      const lease = await new KubeObjects(client, LEASES).get({ namespace, name: 'leader' })
      expect(valueAt(lease.json, 'spec', 'leaseTransitions')).toBe(1)
      await second.leave()
    })

    test('who was not seen to renew for as long as its lease lasts is followed by another', async () => {
      const spec = { holderIdentity: 'dead', leaseDurationSeconds: 1, leaseTransitions: 6 }
      const dead = {
        ...spec,
        renewTime: '2999-01-01T00:00:00.000000Z',
        acquireTime: '2020-01-01T00:00:00.000000Z',
      }
      await new KubeObjects(client, LEASES).create({ namespace }, { metadata: { name: 'left' }, spec: dead })
      const stop = new AbortController()
      const election = new Election({
        client,
        namespace,
        name: 'left',
        identity: 'heir',
        timers,
        random: Math.random,
        onChange: () => undefined,
      })
      const done = election.run(stop.signal)
      await vi.waitFor(() => expect(election.leads).toBe(true))
      stop.abort()
      await done
    })
  })
}
