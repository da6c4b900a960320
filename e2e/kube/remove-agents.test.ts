import type { JsonRecord } from '@sekisho/core'
import { openKubeClient } from '@sekisho/kube'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { removeAgents } from '../../apps/server/src/remove-agents.ts'
import { type ApiServerDouble, openApiServerDouble } from '../../packages/kube/test/double/api-server.ts'
import { ManualTimers } from '../../packages/kube/test/manual-timers.ts'
import { systemTimers } from '../../packages/kube/test/system-timers.ts'

const AGENTS = '/apis/apps/v1/namespaces/gate/daemonsets/sekisho-agent'
const POD = { initContainers: [{ name: 'remove' }], containers: [{ name: 'removed' }] }

describe('agents that are to go', () => {
  let api: ApiServerDouble
  let timers: ManualTimers
  let said: string[]
  let resources: AsyncDisposableStack
  beforeEach(async () => {
    resources = new AsyncDisposableStack()
    api = resources.use(await openApiServerDouble())
    timers = new ManualTimers()
    said = []
    api.objects.create(AGENTS, {
      metadata: { namespace: 'gate', name: 'sekisho-agent' },
      spec: {
        updateStrategy: { type: 'OnDelete' },
        template: { spec: { hostNetwork: true, containers: [{ name: 'agent' }] } },
      },
      status: { observedGeneration: 1, ...nodes(2, 2, 2) },
    })
  })
  afterEach(() => resources[Symbol.asyncDispose]())

  const nodes = (all: number, updated: number, available: number) => ({
    desiredNumberScheduled: all,
    // Zeros are left out.
    ...(updated > 0 && { updatedNumberScheduled: updated }),
    ...(available > 0 && { numberAvailable: available }),
  })
  const now = (): JsonRecord => api.objects.get(AGENTS)
  /** As the API server and the controller write it. */
  const tells = (generation: number, status: object) =>
    api.objects.replace(AGENTS, { ...now(), metadata: { ...(now().metadata as object), generation }, status })
  const remove = () => {
    const access = { server: api.url, credentials: { kind: 'none' }, namespace: 'gate' } as const
    const client = resources.use(openKubeClient({ access, userAgent: 'test/0', timers: systemTimers }))
    return removeAgents({ client, namespace: 'gate', pod: POD, timers, say: line => void said.push(line) })
  }
  const patches = () => api.requests.filter(each => each.startsWith('PATCH'))
  /** Nothing more is asked before it looks again. */
  const isWaiting = () => vi.waitFor(() => expect(timers.next).toBe(2_000))
  const looks = async () => {
    timers.pass(2_000)
    await isWaiting()
  }

  test('every node undoes what its agent did, and all are waited for', async () => {
    tells(2, { observedGeneration: 1, ...nodes(3, 3, 3) })
    const removed = remove()
    await isWaiting()
    expect(now().spec).toEqual({
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%', maxSurge: 0 } },
      template: { spec: { hostNetwork: true, ...POD } },
    })
    // Agents of before are available, and count for nothing.
    tells(2, { observedGeneration: 2, ...nodes(3, 0, 3) })
    await looks()
    // Begun and not done.
    tells(2, { observedGeneration: 2, ...nodes(3, 3, 0) })
    await looks()
    tells(2, { observedGeneration: 2, ...nodes(3, 3, 2) })
    await looks()
    tells(2, { observedGeneration: 2, ...nodes(3, 3, 3) })
    timers.pass(2_000)
    await removed
    expect(said).toEqual([
      'every node removes its rules',
      '0 of 3 nodes have removed their rules',
      '2 of 3 nodes have removed their rules',
      '3 of 3 nodes have removed their rules',
    ])
    expect(patches()).toHaveLength(1)
  })

  test('a second time nothing is left to do, and on no node neither', async () => {
    await remove()
    tells(2, { observedGeneration: 2, ...nodes(0, 0, 0) })
    await remove()
    expect(said.at(-1)).toBe('0 of 0 nodes have removed their rules')
  })

  test('without agents nothing is changed', async () => {
    api.objects.remove(AGENTS)
    await remove()
    expect({ said, patches: patches() }).toEqual({ said: ['there are no agents'], patches: [] })
  })

  test('where it may not look it does not say that there are none', async () => {
    api.refuseNext(403)
    await expect(remove()).rejects.toThrow('as was asked')
    expect(said).toEqual([])
  })

  test('agents that go while they are waited for are not said to have removed anything', async () => {
    tells(2, { observedGeneration: 1, ...nodes(1, 1, 1) })
    const removed = remove()
    await isWaiting()
    api.objects.remove(AGENTS)
    timers.pass(2_000)
    await expect(removed).rejects.toThrow('not found')
  })
})
