import { CLUSTER_NETWORK_POLICIES, NETWORK_POLICIES } from '@sekisho/kube'
import { describe, expect, test } from 'vitest'
import { reviewAdmission } from '../../src/cluster/admission.ts'
import { registeredWebhook } from '../../src/cluster/webhook.ts'

type Json = Readonly<Record<string, unknown>>

const review = (object: Json | null, group = 'sekisho.dev'): Json => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { uid: 'u-1', kind: { group, version: 'v1', kind: 'X' }, operation: 'CREATE', object },
})
const policy = (spec: Json): Json => ({
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'SecurityPolicy',
  metadata: { name: 'p', namespace: 'shop', uid: 'x', managedFields: [{ manager: 'kubectl' }] },
  spec,
})
const responseTo = (json: unknown) => reviewAdmission(json, new Set())?.response

describe('what the API server is told', () => {
  test('a policy that can be read is allowed, under the same uid', () => {
    expect(responseTo(review(policy({ ingress: [] })))).toEqual({ uid: 'u-1', allowed: true })
  })

  test('one of ours that cannot is refused with every mistake', () => {
    const response = responseTo(review(policy({ mode: 'enforce', ingress: [{ form: [] }] })))
    expect(response).toMatchObject({ allowed: false, status: { code: 422, reason: 'Invalid' } })
    expect(response?.status?.message).toMatch(/spec\.mode: .*spec\.ingress\[0\]\.form: /)
  })

  test('a machine outside is read as the command line reads it', () => {
    const machine = (addresses: readonly string[]) =>
      responseTo(review({ ...policy({ addresses }), kind: 'ExternalWorkload', status: {} }))
    expect(machine(['10.20.0.7'])).toEqual({ uid: 'u-1', allowed: true })
    const refused = machine(['10.20.0.7', '127.0.0.1'])
    expect(refused).toMatchObject({ allowed: false, status: { code: 422 } })
    expect(refused?.status?.message).toMatch(/spec\.addresses\[1\]: is a loopback address/)
  })

  test('what others own is never refused, only warned of', () => {
    const spec = { podSelector: {}, ingress: [{ ports: [{ port: 80 }, { port: 79, endPort: 90 }] }] }
    const object = { ...policy(spec), apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' }
    const response = responseTo(review(object, 'networking.k8s.io'))
    expect(response?.allowed).toBe(true)
    expect(response?.warnings?.[0]).toMatch(/^Sekisho will not enforce it: spec\.ingress\[0\]\.ports/)
  })

  test('what is not enforced is a warning', () => {
    const spec = { subject: { hostSelector: {} }, egress: [] }
    const object = { ...policy(spec), kind: 'ClusterSecurityPolicy', metadata: { name: 'hosts' } }
    const response = responseTo(review(object))
    expect(response?.allowed).toBe(true)
    expect(response?.warnings).toHaveLength(1)
  })

  test('a deletion is nobody’s business', () => {
    expect(responseTo(review(null))).toEqual({ uid: 'u-1', allowed: true })
  })

  test.each([
    null,
    5,
    'x',
    [],
    {},
    { apiVersion: 'admission.k8s.io/v1' },
    { ...review({}), apiVersion: 'admission.k8s.io/v1beta1' },
  ])('%j is no review', json => {
    expect(reviewAdmission(json, new Set())).toBeUndefined()
  })

  test('a document of thousands of mistakes has an answer of bounded length', () => {
    const ingress = Array.from({ length: 900 }, () => ({ ['x'.repeat(500)]: 1 }))
    const response = responseTo(review(policy({ ingress })))
    expect(response?.allowed).toBe(false)
    expect(response?.status?.message.length).toBeLessThanOrEqual(4_000)
  })
})

test('of every kind of policy the API server asks', () => {
  const { content } = registeredWebhook({
    place: { kind: 'url', url: new URL('https://192.0.2.1/') },
    authority: '',
  })
  const { webhooks } = content as {
    readonly webhooks: readonly {
      readonly rules: readonly {
        readonly apiGroups: readonly string[]
        readonly resources: readonly string[]
      }[]
    }[]
  }
  const asked = webhooks.flatMap(({ rules }) =>
    rules.flatMap(({ apiGroups, resources }) => resources.map(resource => `${apiGroups.join()}/${resource}`)),
  )
  for (const { group, plural } of [NETWORK_POLICIES, CLUSTER_NETWORK_POLICIES])
    expect(asked).toContain(`${group}/${plural}`)
  expect(asked).toContain('sekisho.dev/*')
})
