import {
  type ClusterAccess,
  DAEMON_SETS,
  type JsonRecord,
  type KubeClient,
  KubeObjects,
  NAMESPACES,
  openKubeClient,
  PODS,
  pathOf,
} from '@sekisho/kube'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { parseCommand } from '../../apps/server/src/options.ts'
import { removeAgents } from '../../apps/server/src/remove-agents.ts'
import { openRealApiServer } from '../../packages/kube/test/real/server.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { findHelm, render } from '../../scripts/chart/helm.ts'
import { withPrograms } from '../kube/real-cluster.ts'

interface Made extends JsonRecord {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
}

interface Job {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> }
      readonly spec: {
        readonly restartPolicy: string
        readonly serviceAccountName: string
        readonly containers: readonly [
          { readonly command: readonly string[]; readonly args: readonly string[] },
        ]
      }
    }
  }
}

const NAMESPACE = 'sekisho'
const PLACE = { namespace: NAMESPACE, name: 'sekisho-agent' }
const CORE = `/api/v1/namespaces/${NAMESPACE}`
const RBAC = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}`
const BEGUN = 'every node removes its rules'
/** Of the account, by kind. */
const RIGHTS: Readonly<Record<string, string>> = {
  ServiceAccount: `${CORE}/serviceaccounts`,
  Role: `${RBAC}/roles`,
  RoleBinding: `${RBAC}/rolebindings`,
}

withPrograms('the end of a release', programs => {
  const program = findHelm()
  if (typeof program === 'string') {
    test('the end of a release', context => {
      if (process.env.CI) throw new Error(program)
      context.skip(program)
    })
    return
  }
  const chart = (set: readonly string[] = []): readonly Made[] =>
    parseAllDocuments(render(program, { set }))
      .map(document => document.toJS() as Made | null) // the chart's own
      .filter(object => object !== null)
  const hooks = (set: readonly string[] = []) =>
    chart(set).filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] === 'pre-delete')
  const kindOf = (objects: readonly Made[], kind: string): Made => {
    const found = objects.find(each => each.kind === kind)
    if (!found) throw new RangeError(`the chart makes no ${kind}`)
    return found
  }
  const jobOf = (set: readonly string[] = []) => kindOf(hooks(set), 'Job') as unknown as Job

  describe('the end of a release', () => {
    const resources = new AsyncDisposableStack()
    let access: ClusterAccess
    let client: KubeClient
    /** As the Job's pod is there. */
    let uninstaller: KubeClient
    beforeAll(async () => {
      ;({ access } = resources.use(await openRealApiServer(programs)))
      client = resources.use(openKubeClient({ access, userAgent: 'test/0', timers }))
      await new KubeObjects(client, NAMESPACES).create({}, { metadata: { name: NAMESPACE } })
      for (const object of hooks()) {
        const path = RIGHTS[object.kind]
        if (path !== undefined) await client.call({ method: 'POST', path, body: object })
      }
      const path = `${CORE}/serviceaccounts/${jobOf().spec.template.spec.serviceAccountName}/token`
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
      const { status } = (await client.call({ method: 'POST', path, body })) as {
        readonly status: { readonly token: string }
      }
      const credentials = { kind: 'token', read: () => status.token } as const
      uninstaller = resources.use(
        openKubeClient({ access: { ...access, credentials }, userAgent: 'test/0', timers }),
      )
    }, 300_000)
    afterAll(() => resources.disposeAsync())
    beforeEach(async () => {
      if (await agents().find(PLACE)) await agents().remove(PLACE)
    })

    const agents = () => new KubeObjects(client, DAEMON_SETS)
    const install = (set: readonly string[]) => agents().create(PLACE, kindOf(chart(set), 'DaemonSet'))
    const spec = async () =>
      (await agents().get(PLACE)).json.spec as {
        readonly template: JsonRecord
        readonly updateStrategy: JsonRecord
      }
    /** As the controller of DaemonSets writes it when all nodes are done. */
    async function nodesAreDone(nodes: number): Promise<void> {
      const { json } = await agents().get(PLACE)
      const { generation } = json.metadata as { readonly generation: number }
      const counts = ['currentNumberScheduled', 'desiredNumberScheduled', 'numberReady', 'numberAvailable']
      const status = {
        observedGeneration: generation,
        numberMisscheduled: 0,
        updatedNumberScheduled: nodes,
        ...Object.fromEntries(counts.map(name => [name, nodes])),
      }
      const contentType = 'application/merge-patch+json'
      await client.call({
        method: 'PATCH',
        path: `${pathOf(DAEMON_SETS, PLACE)}/status`,
        contentType,
        body: { status },
      })
    }
    /** What the Job's container does, by its own command line. Resolves with what it said. */
    async function uninstall(set: readonly string[], nodes: number): Promise<readonly string[]> {
      const { command, args } = jobOf(set).spec.template.spec.containers[0]
      const parsed = parseCommand([...command.slice(1), ...args])
      if (!parsed.ok || parsed.value.kind !== 'remove-agents') throw new TypeError(JSON.stringify(parsed))
      const said: string[] = []
      let done: Promise<void> | undefined
      const say = (line: string) => {
        said.push(line)
        if (line === BEGUN) done = nodesAreDone(nodes)
      }
      const { pod } = parsed.value
      await removeAgents({ client: uninstaller, namespace: NAMESPACE, pod, timers, say })
      await done
      return said
    }

    test.each([
      [[]],
      [['agent.cni.enabled=true', 'agent.seLinuxOptions.type=spc_t']],
      [['agent.nri.enabled=true', 'agent.privileged=true']],
      [['agent.cni.config=', 'agent.maxUnavailable=1']],
    ])('of one with %j leaves pods as agent.remove makes them', async set => {
      await install(set)
      expect(await uninstall(set, 3)).toEqual([BEGUN, '3 of 3 nodes have removed their rules'])
      const { template, updateStrategy } = await spec()
      await agents().remove(PLACE)
      await install([...set, 'agent.remove=true'])
      expect(template).toEqual((await spec()).template)
      expect(updateStrategy).toEqual({
        type: 'RollingUpdate',
        rollingUpdate: { maxUnavailable: '100%', maxSurge: 0 },
      })
    })

    test('after agent.remove, and once more, no pod is made anew', async () => {
      const set = ['agent.remove=true']
      await install(set)
      const { template } = await spec()
      await uninstall(set, 2)
      await uninstall(set, 2)
      expect((await spec()).template).toEqual(template)
    })

    test('comes where somebody has changed how agents are replaced', async () => {
      await install([])
      const body = { spec: { updateStrategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } } }
      const [path, contentType] = [pathOf(DAEMON_SETS, PLACE), 'application/merge-patch+json']
      await client.call({ method: 'PATCH', path, contentType, body })
      expect(await uninstall([], 1)).toHaveLength(2)
    })

    test('needs no agents', async () => {
      expect(await uninstall([], 0)).toEqual(['there are no agents'])
    })

    test('its account may do that, and nothing else', async () => {
      const other = { ...PLACE, name: 'kube-proxy' }
      const forbidden = 'forbidden'
      await expect(new KubeObjects(uninstaller, DAEMON_SETS).get(other)).rejects.toThrow(forbidden)
      await expect(new KubeObjects(uninstaller, DAEMON_SETS).remove(PLACE)).rejects.toThrow(forbidden)
      await expect(
        new KubeObjects(uninstaller, PODS).page({ namespace: NAMESPACE }, { limit: 1 }),
      ).rejects.toThrow(forbidden)
    })
  })

  test('rights and what reaches the API server go however it ends; a Job that failed stays with its log', () => {
    const policies = hooks().map(({ kind, metadata }) => [
      kind,
      metadata.annotations?.['helm.sh/hook-delete-policy']?.includes('hook-failed'),
      metadata.annotations?.['helm.sh/hook-weight'],
    ])
    expect(policies).toEqual(
      expect.arrayContaining([
        ['ServiceAccount', true, '-1'],
        ['Role', true, '-1'],
        ['RoleBinding', true, '-1'],
        ['NetworkPolicy', true, '-1'],
        ['Job', false, undefined],
      ]),
    )
    expect(policies).toHaveLength(5)
    // Containers that the kubelet starts again are deleted with their pod when the Job fails.
    expect(jobOf().spec.template.spec.restartPolicy).toBe('Never')
  })

  test('the NetworkPolicy is of the Job’s pod, and lets it reach the API server only', () => {
    const set = ['networkPolicy.apiServerPorts={6443}']
    expect(kindOf(hooks(set), 'NetworkPolicy').spec).toEqual({
      podSelector: { matchLabels: { 'app.kubernetes.io/name': 'sekisho-uninstall' } },
      policyTypes: ['Ingress', 'Egress'],
      egress: [{ ports: [{ protocol: 'TCP', port: 6443 }] }],
    })
    expect(jobOf().spec.template.metadata.labels).toMatchObject({
      'app.kubernetes.io/name': 'sekisho-uninstall',
    })
    expect(hooks(['networkPolicy.enabled=false']).map(({ kind }) => kind)).not.toContain('NetworkPolicy')
  })
})
