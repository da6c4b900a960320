import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FIREWALL, type JsonRecord, listAt, valueAt } from '@sekisho/core'
import {
  type KubeClient,
  KubeError,
  KubeObjects,
  NAMESPACES,
  openKubeClient,
  PODS,
  type ResourceType,
  VALIDATING_WEBHOOKS,
} from '@sekisho/kube'
import { expect, test, vi } from 'vitest'
import { freePort } from '../../packages/kube/test/real/server.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { startFor } from './cluster.ts'
import { openRealCluster, type RealCluster, withPrograms } from './real-cluster.ts'

const kind = (group: string, name: string, plural: string): ResourceType => ({
  group,
  version: 'v1',
  kind: name,
  plural,
  namespaced: true,
})
const ACCOUNTS = kind('', 'ServiceAccount', 'serviceaccounts')
const ROLES = kind('rbac.authorization.k8s.io', 'Role', 'roles')
const BINDINGS = kind('rbac.authorization.k8s.io', 'RoleBinding', 'rolebindings')
const DEPLOYMENTS = kind('apps', 'Deployment', 'deployments')
const CRON_JOBS = kind('batch', 'CronJob', 'cronjobs')

const POD = { containers: [{ name: 'main', image: 'none' }] }
const says = (word: string | null): JsonRecord => ({ annotations: { [FIREWALL]: word } })

interface Case {
  readonly type: ResourceType
  readonly path: string
  /** The object with that where it says what is said of protection. */
  readonly of: (metadata: JsonRecord) => JsonRecord
}
const metadata = { name: 'web' }
const labels = { app: 'web' }
const CASES: readonly Case[] = [
  {
    type: PODS,
    path: '/api/v1/namespaces/shop/pods/web',
    of: said => ({ metadata: { ...metadata, ...said }, spec: POD }),
  },
  {
    type: DEPLOYMENTS,
    path: '/apis/apps/v1/namespaces/shop/deployments/web',
    of: said => ({
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels, ...said }, spec: POD },
      },
    }),
  },
  {
    type: CRON_JOBS,
    path: '/apis/batch/v1/namespaces/shop/cronjobs/web',
    of: said => ({
      metadata,
      spec: {
        schedule: '0 0 1 1 *',
        jobTemplate: { spec: { template: { metadata: said, spec: { ...POD, restartPolicy: 'Never' } } } },
      },
    }),
  },
]

/** Somebody who may write all of the namespace's workloads, and no more. */
async function developer(cluster: RealCluster, admin: KubeClient): Promise<KubeClient & Disposable> {
  const place = { namespace: 'shop' }
  await new KubeObjects(admin, ACCOUNTS).create(place, { metadata: { name: 'dev' } })
  const everything = [{ apiGroups: ['', 'apps', 'batch'], resources: ['*'], verbs: ['*'] }]
  await new KubeObjects(admin, ROLES).create(place, { metadata: { name: 'dev' }, rules: everything })
  await bind(admin, 'dev')
  const answer = await admin.call({
    method: 'POST',
    path: '/api/v1/namespaces/shop/serviceaccounts/dev/token',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  })
  const { token } = (answer as { readonly status: { readonly token: string } }).status // the API's own shape
  const access = { ...cluster.access, credentials: { kind: 'token', read: () => token } } as const
  return openKubeClient({ access, userAgent: 'dev/0', timers })
}

const bind = (admin: KubeClient, role: string) =>
  new KubeObjects(admin, BINDINGS).create(
    { namespace: 'shop' },
    {
      metadata: { name: role },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: role },
      subjects: [{ kind: 'ServiceAccount', name: 'dev', namespace: 'shop' }],
    },
  )

withPrograms('protection is not taken back by who may not', programs => {
  test('protection is not taken back by who may not', async () => {
    await using cluster = await openRealCluster(programs)
    using admin = openKubeClient({ access: cluster.access, userAgent: 'test/0', timers })
    await new KubeObjects(admin, NAMESPACES).create({}, { metadata: { name: 'shop', ...says('enabled') } })
    using dev = await developer(cluster, admin)
    const patch = (client: KubeClient, path: string, body: unknown) =>
      client.call({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body }).then(
        () => 'done',
        (error: unknown) => (error instanceof KubeError ? `${error.status} ${error.message}` : error),
      )
    for (const { type, of } of CASES)
      await new KubeObjects(admin, type).create({ namespace: 'shop' }, of(says('enabled')))

    const data = mkdtempSync(join(tmpdir(), 'sekisho-guard-'))
    {
      const webhookPort = await freePort()
      await using _ = await startFor(cluster.serverAccess, data, { webhookPort, guardExempt: ['free'] })
      /** What becomes of a change of something that is protected. */
      const tried = async (each: Case, body: JsonRecord = each.of(says('disabled')), path = each.path) => {
        await patch(dev, each.path, each.of(says('enabled')))
        return patch(dev, path, body)
      }
      // The API server asks a moment after it was told to, and on a slow machine goes on without an answer.
      const refused = (...change: Parameters<typeof tried>) =>
        vi.waitFor(async () => expect(await tried(...change)).toMatch(/^403 .*cannot unprotect/))
      const [pod, deployment] = CASES
      if (!pod || !deployment) throw new TypeError('no cases')
      for (const each of CASES) {
        await refused(each)
        await refused(each, each.of(says(null)))
        expect(await tried(each, { metadata: { labels: { tier: 'web' } } })).toBe('done')
      }
      await refused(pod, { metadata: says('disabled') }, `${pod.path}/status`)
      // A right in the namespace is enough for what is in it, and not for what the namespace itself says.
      const rules = [{ apiGroups: ['sekisho.dev'], resources: ['protections'], verbs: ['unprotect'] }]
      await new KubeObjects(admin, ROLES).create(
        { namespace: 'shop' },
        { metadata: { name: 'unprotect' }, rules },
      )
      await bind(admin, 'unprotect')
      // The authorizer learns of it a moment later.
      await vi.waitFor(async () => expect(await tried(pod)).toBe('done'))
      const shop = '/api/v1/namespaces/shop'
      await vi.waitFor(async () => {
        await patch(admin, shop, { metadata: says('enabled') })
        expect(await patch(dev, shop, { metadata: says('disabled') })).toMatch(/^403 .*at the cluster scope/)
      })
      expect(await patch(admin, shop, { metadata: says('disabled') })).toBe('done')
      const { json } = await new KubeObjects(admin, VALIDATING_WEBHOOKS).get({ name: 'sekisho' })
      const exempt = listAt(json, 'webhooks').map(each => valueAt(each, 'namespaceSelector'))
      // The own namespace, from where all else is mended; policies are refused anywhere.
      const elsewhere = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['sekisho', 'free'] }
      expect(exempt).toEqual([{}, ...CASES.map(() => ({ matchExpressions: [elsewhere] }))])
    }
    // Away: nobody is locked out.
    for (const { path, of } of CASES) expect(await patch(dev, path, of(says('disabled')))).toBe('done')
    rmSync(data, { recursive: true })
  })
})
