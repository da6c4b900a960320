import { expect, test } from 'vitest'
import { readManifests } from '../src/index.ts'

const object = (apiVersion: string, kind: string): string =>
  JSON.stringify({ apiVersion, kind, metadata: { name: 'x', namespace: 'shop' }, spec: {} })

const read = (apiVersion: string, kind: string) =>
  readManifests([{ file: 'a.yaml', text: object(apiVersion, kind) }])

test.each([
  ['argoproj.io/v1alpha1', 'Application'],
  ['gateway.envoyproxy.io/v1alpha1', 'SecurityPolicy'],
  ['projectcalico.org/v3', 'NetworkPolicy'],
  ['networking.k8s.io/v1', 'Ingress'],
  ['v1', 'ConfigMap'],
])('%s %s is left alone', (apiVersion, kind) => {
  const { problems, others } = read(apiVersion, kind)
  expect(problems).toEqual([])
  expect(others.map(each => each.kind)).toEqual([kind])
})

test.each([
  ['networking.k8s.io/v1', 'NetworkPolicyy', 'kind'],
  ['networking.k8s.io/v1beta1', 'NetworkPolicy', 'apiVersion'],
  ['networking.k8.io/v1', 'NetworkPolicy', 'apiVersion'],
  ['extensions/v1beta1', 'NetworkPolicy', 'apiVersion'],
  ['v1', 'NetworkPolicy', 'apiVersion'],
  ['sekisho.dev/v1alpha1', 'SecurtyPolicy', 'kind'],
])('%s %s is not taken for something else, but refused', (apiVersion, kind, path) => {
  const { problems, policies } = read(apiVersion, kind)
  expect(problems[0]).toMatchObject({ file: 'a.yaml', line: 1, path })
  expect(policies).toEqual([])
})
