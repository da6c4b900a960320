import { createModel, createTableCompiler, type TableChange, validatePolicy } from '@sekisho/policy'
import { expect, test } from 'vitest'
import { Programmer } from '../src/kernel/programmer.ts'
import { NODE, SHOP, workload } from './builders.ts'
import { FakeTimers, settle } from './fake-timers.ts'

function policy(action: string, fqdn: string) {
  const read = validatePolicy({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: 'SecurityPolicy',
    metadata: { namespace: 'shop', name: action.toLowerCase() },
    spec: { subject: {}, mode: 'Enforce', egress: [{ action, to: [{ fqdn }] }] },
  })
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return read.value
}
const came = (name: string, ip: string) => [{ name, ip, came: true }]

/** A programmer whose kernel notes what it is told. */
async function programming() {
  const timers = new FakeTimers()
  const model = createModel()
  const compiler = createTableCompiler(model, { name: NODE, addresses: [] })
  const told: TableChange[] = []
  const programmer = new Programmer({
    model,
    compiler,
    timers,
    cutsExpired: false,
    dataplane: {
      sync: () => Promise.resolve(),
      async update(_table, change) {
        told.push(change)
      },
    },
    onModelChanged: () => undefined,
    onError: error => expect.fail(String(error)),
  })
  programmer.change({
    namespaces: { set: [SHOP] },
    workloads: { set: [workload('web')] },
    policies: { set: [policy('Allow', '*.example.com'), policy('Deny', '*.example.org')] },
  })
  programmer.release()
  await programmer.settle()
  /** How many addresses each transaction brought. */
  const added = () => told.map(({ members }) => members.flatMap(({ add }) => add).length)
  return { programmer, timers, told, added }
}

test('what is allowed by name is in the kernel at once, and no verdict is another for it', async () => {
  const { programmer, timers, told, added } = await programming()
  const learned = programmer.learn(came('a.example.com', '192.0.2.1'))
  await timers.pass(10)
  await learned
  expect(added()).toEqual([1])
  expect(told[0]?.isLasting).toBe(true)
})

test('ever new addresses that are denied by name do not have connections judged anew all the time', async () => {
  const { programmer, timers, told, added } = await programming()
  for (let i = 1; i <= 50; i++) {
    void programmer.learn(came(`n${i}.example.org`, `192.0.2.${i}`))
    await timers.pass(10)
  }
  await timers.pass(1_000)
  await settle()
  expect(added().length).toBeLessThanOrEqual(4)
  expect(added().reduce((sum, count) => sum + count, 0)).toBe(50)
  expect(told.every(({ isLasting }) => !isLasting)).toBe(true)
})
