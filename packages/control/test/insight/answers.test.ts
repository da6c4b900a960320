import { expect, test, vi } from 'vitest'
import { createAnswers } from '../../src/insight/insight.ts'
import { modelView as schema } from '../../src/schema/model.ts'
import { protectDb, SHOP, world } from './world.ts'

/** Answers that began before a policy was put in force. */
function answering() {
  const here = world()
  here.report({ workloads: SHOP })
  const { store, clock } = here.ports
  const answers = createAnswers(store)
  here.apply(protectDb('Enforce'))
  const asked = { question: { kind: 'model' }, now: clock.now(), connected: [], revision: 0 } as const
  return Object.assign(here, {
    since: vi.spyOn(store.state, 'since'),
    snapshot: vi.spyOn(store.state, 'snapshot'),
    policies: () => schema.parse(answers(asked)).policies.length,
  })
}

test('what changed since the last answer is read once, and nothing where nothing did', () => {
  using here = answering()
  expect(here.policies()).toBe(1)
  expect(here.policies()).toBe(1)
  expect(here.since).toHaveBeenCalledTimes(1)
  expect(here.snapshot).not.toHaveBeenCalled()
})

test('what changed may be forgotten after a long silence: then what is in force is read anew', () => {
  using here = answering()
  here.since.mockReturnValue(undefined)
  expect(here.policies()).toBe(1)
  expect(here.policies()).toBe(1)
  expect(here.snapshot).toHaveBeenCalledTimes(1)
})
