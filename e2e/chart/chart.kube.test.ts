import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type JsonRecord, type KubeClient, KubeObjects, NAMESPACES, openKubeClient } from '@sekisho/kube'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { openRealApiServer } from '../../packages/kube/test/real/server.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { alertRules, RUNBOOKS } from '../../scripts/chart/alerts.ts'
import { dashboard } from '../../scripts/chart/dashboard.ts'
import { CHART, findHelm, helm, plainManifests, render } from '../../scripts/chart/helm.ts'
import { withPrograms } from '../kube/real-cluster.ts'

interface Rendered extends JsonRecord {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

interface Container {
  readonly name: string
  readonly args?: readonly string[]
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}

interface DaemonSet {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly initContainers: readonly Container[]
        readonly containers: readonly Container[]
        readonly volumes: readonly { readonly name: string }[]
      }
    }
  }
}

const documents = (yaml: string): readonly Rendered[] =>
  parseAllDocuments(yaml)
    .map(document => document.toJS() as Rendered | null)
    .filter(json => json !== null)

/** What people set, each by itself and some together. */
const VARIANTS: readonly (readonly string[])[] = [
  [],
  ['mode=enforce', 'createNamespace=true', 'firewall=required'],
  ['server.persistence.enabled=false', 'server.webhook.enabled=false', 'networkPolicy.enabled=false'],
  ['server.podConditions=true', 'server.webhook.guard.enabled=false', 'server.webhook.guard.exempt={a,b}'],
  ['server.persistence.existingClaim=mine', 'server.service.type=LoadBalancer', 'server.bind=[::]'],
  ['server.replicas=2', 'server.persistence.storageClass=fast'],
  ['server.replicas=3', 'server.persistence.enabled=false', 'server.affinity.nodeAffinity=null'],
  ['server.names={gate.example.org}', 'server.affinity.nodeAffinity=null', 'priorityQuota=true'],
  [
    'agent.cni.enabled=true',
    'agent.cni.fallback=open',
    'agent.inspection=false',
    'agent.resolvers={192.0.2.53}',
  ],
  ['agent.remove=true', 'agent.cni.enabled=true', 'crds.install=false'],
  ['agent.remove=true', 'agent.cni.config='],
  ['agent.nri.enabled=true', 'agent.nri.socket=/run/crio/nri.sock', 'agent.cni.exempt={kube-system,storage}'],
  ['agent.privileged=true', 'agent.seLinuxOptions.type=spc_t', 'agent.maxUnavailable=1'],
  [`image.digest=sha256:${'0'.repeat(64)}`, 'image.pullSecrets[0].name=registry'],
]

function withHelm(tests: (program: { readonly path: string }) => void): void {
  const program = findHelm()
  if (typeof program !== 'string') {
    tests(program)
    return
  }
  test('the chart', context => {
    if (process.env.CI) throw new Error(program)
    process.stderr.write(`skipped: ${program}\n`)
    context.skip(program)
  })
}

withHelm(helmProgram => {
  test('helm finds nothing to say against the chart', () => {
    expect(helm(helmProgram, ['lint', '--strict', CHART])).toContain('0 chart(s) failed')
  })

  test.each([
    ['a value that is none', 'mode=watch'],
    ['a word that is none', 'firewall=on'],
    ['more servers than it has rights for', 'server.replicas=4'],
    ['a value that is misspelt', 'agent.privilegd=true'],
    ['a digest that is none', 'image.digest=latest'],
  ])('%s is refused before anything is rendered', (_, set) => {
    expect(() => render(helmProgram, { set: [set] })).toThrow(/schema/)
  })

  test('pods that would wait twice are refused', () => {
    const set = ['agent.cni.enabled=true', 'agent.nri.enabled=true']
    expect(() => render(helmProgram, { set })).toThrow('exclude each other')
  })

  test('a plugin that is to be nowhere is refused', () => {
    const set = ['agent.cni.enabled=true', 'agent.cni.config=']
    expect(() => render(helmProgram, { set })).toThrow('agent.cni.enabled needs agent.cni.config')
  })

  test.each([
    [[], ['--cni-config=/etc/cni/net.d', '--cni=off']],
    [['agent.nri.enabled=true'], ['--cni-config=/etc/cni/net.d', '--cni=off']],
    [['agent.cni.enabled=true'], ['--cni-config=/etc/cni/net.d', '--cni-plugins=/opt/cni/bin']],
    [['agent.cni.config=/run/net.d'], ['--cni-config=/run/net.d', '--cni=off']],
    [['agent.remove=true'], ['--cni-config=/etc/cni/net.d']],
    [['agent.cni.config='], []],
  ])('with %j the plugin is where it is to be, and nowhere else', (set, args) => {
    const agent = documents(render(helmProgram, { set })).find(({ kind }) => kind === 'DaemonSet')
    const { initContainers, containers, volumes } = (agent as unknown as DaemonSet).spec.template.spec
    const program = [...initContainers, ...containers].find(({ name }) => /^(?:agent|remove)$/.test(name))
    expect((program?.args ?? []).filter(arg => /^--cni(?:-config|-plugins)?=/.test(arg))).toEqual(args)
    // It can reach what it is told to edit.
    const folder = args[0]?.replace(/^.*=/, '')
    const mounts = program?.volumeMounts.filter(({ name }) => name === 'cni-config')
    expect(mounts?.map(({ mountPath }) => mountPath)).toEqual(folder === undefined ? [] : [folder])
    expect(volumes.some(({ name }) => name === 'cni-config')).toBe(folder !== undefined)
  })

  test('the plain manifests are what the chart renders (node scripts/manifests.ts)', () => {
    const path = join(import.meta.dirname, '../../deploy/manifests/sekisho.yaml')
    expect(readFileSync(path, 'utf8')).toBe(plainManifests(helmProgram))
  })

  test('metrics are scraped with a token, and from the server that is meant', () => {
    const monitor = documents(render(helmProgram, { set: ['podMonitor.enabled=true'] })).find(
      ({ kind }) => kind === 'PodMonitor',
    )
    expect(monitor).toMatchObject({
      spec: {
        podMetricsEndpoints: [
          {
            authorization: { credentials: { name: 'sekisho-metrics', key: 'token' } },
            tlsConfig: { serverName: 'sekisho-server.sekisho.svc' },
          },
        ],
      },
    })
  })

  test('alerts and dashboard come out of the chart as they are, with links to where runbooks are', () => {
    const set = [
      'podMonitor.alerts=true',
      'podMonitor.dashboard=true',
      'podMonitor.runbooks=https://wiki.example/sekisho',
    ]
    const objects = documents(render(helmProgram, { set }))
    const rule = objects.find(({ kind }) => kind === 'PrometheusRule')
    const moved = JSON.stringify(alertRules()).replaceAll(RUNBOOKS, 'https://wiki.example/sekisho')
    expect(rule?.spec).toEqual(JSON.parse(moved))
    const map = objects.find(({ metadata }) => metadata.name === 'sekisho-dashboard')
    const data = map?.data as Readonly<Record<string, string>> | undefined
    expect(JSON.parse(data?.['sekisho.json'] ?? '')).toEqual(dashboard())
  })

  withPrograms('what the chart renders', programs =>
    describe('what the chart renders', () => {
      const resources = new AsyncDisposableStack()
      let client: KubeClient
      beforeAll(async () => {
        const server = resources.use(await openRealApiServer(programs))
        client = resources.use(openKubeClient({ access: server.access, userAgent: 'test/0', timers }))
        await new KubeObjects(client, NAMESPACES).create({}, { metadata: { name: 'sekisho' } })
      }, 300_000)
      afterAll(() => resources.disposeAsync())

      /** The path of its collection, from what the API server says about itself. */
      async function collection({ apiVersion, kind, metadata }: Rendered): Promise<string> {
        const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
        const answer = (await client.call({ method: 'GET', path: root })) as {
          readonly resources: readonly { readonly name: string; readonly kind: string }[]
        }
        const plural = answer.resources.find(each => each.kind === kind && !each.name.includes('/'))?.name
        const namespace = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
        return `${root}${namespace}/${plural}`
      }

      test.each(VARIANTS.map(set => [set.join(' ') || 'nothing', set] as const))(
        'with %s is taken by a real API server, field by field',
        async (_, set) => {
          const objects = documents(render(helmProgram, { set }))
          expect(objects.length).toBeGreaterThan(8)
          for (const object of objects) {
            const path = `${await collection(object)}/${object.metadata.name}`
            const query = { dryRun: 'All', fieldManager: 'test', fieldValidation: 'Strict', force: true }
            const contentType = 'application/apply-patch+yaml'
            const taken = await client.call({ method: 'PATCH', path, query, contentType, body: object })
            expect(taken).toMatchObject({ kind: object.kind })
          }
        },
      )
    }),
  )
})
