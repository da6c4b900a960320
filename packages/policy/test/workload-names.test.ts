import type { PolicyId } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { createModel, createTableCompiler, type PolicyDocument, validatePolicy } from '../src/index.ts'
import { NODE, workload } from './builders.ts'

const TWINS = [
  workload('shop/web', '10.0.0.1'),
  { ...workload('shop/web', '10.0.0.2'), id: 'pod:shop/web-2', name: 'web-2' },
  workload('shop/api', '10.0.0.3'),
] as ReturnType<typeof workload>[]

function only(name: string): PolicyDocument {
  const read = validatePolicy({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: 'ClusterSecurityPolicy',
    metadata: { name: 'only' },
    spec: { mode: 'Enforce', subject: { workloadNames: [name] }, ingress: [{ action: 'Deny' }] },
  })
  if (!read.ok) throw new Error(read.error[0]?.reason)
  return read.value
}

const ID = 'ClusterSecurityPolicy//only' as PolicyId

function setUp() {
  const model = createModel()
  model.update({ workloads: { set: TWINS } })
  const verdicts = () =>
    ['10.0.0.1', '10.0.0.2'].map(
      ip =>
        model.decide({ source: { ip: '10.0.0.3' }, destination: { ip }, protocol: 'TCP', port: 80 }).verdict,
    )
  return { model, verdicts }
}

describe('a policy about workloads by name', () => {
  test('is about one of two that are alike, as long as it is there', () => {
    const { model, verdicts } = setUp()
    model.update({ policies: { set: [only('web-2')] } })
    expect(verdicts()).toEqual(['allow', 'deny'])
    model.update({ policies: { set: [only('web')] } })
    expect(verdicts()).toEqual(['deny', 'allow'])
    model.update({ policies: { removed: [ID] } })
    expect(verdicts()).toEqual(['allow', 'allow'])
  })

  test('is about one that comes later, or comes again', () => {
    const { model, verdicts } = setUp()
    model.update({ policies: { set: [only('web-2')] } })
    const [, second] = TWINS
    if (!second) throw new TypeError()
    model.update({ workloads: { removed: [second.id] } })
    model.update({ workloads: { set: [second] } })
    expect(verdicts()).toEqual(['allow', 'deny'])
  })

  test('leaves nothing behind: the table is as it was', () => {
    const { model } = setUp()
    const compiler = createTableCompiler(model, { name: NODE, addresses: [] })
    const before = structuredClone(compiler.table)
    compiler.update(model.update({ policies: { set: [only('web')] } }))
    expect(compiler.table).not.toEqual(before)
    compiler.update(model.update({ policies: { removed: [ID] } }))
    expect(compiler.table).toEqual(before)
  })

  test('is no peer', () => {
    const read = validatePolicy({
      apiVersion: 'sekisho.dev/v1alpha1',
      kind: 'ClusterSecurityPolicy',
      metadata: { name: 'peer' },
      spec: { subject: {}, ingress: [{ from: [{ workloadNames: ['web'] }] }] },
    })
    expect(read.ok).toBe(false)
  })
})
