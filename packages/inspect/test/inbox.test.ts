import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Inbox } from '../src/inbox.ts'

const step = fc.record({
  push: fc.uint8Array({ maxLength: 20 }),
  take: fc.nat({ max: 12 }),
  skip: fc.oneof(fc.constant(0), fc.nat({ max: 30 })),
})

describe('inbox', () => {
  test('gives back what was pushed, in order, without what was passed over', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), steps => {
        const inbox = new Inbox(10_000)
        let expected: number[] = []
        let debt = 0
        for (const { push, take, skip } of steps) {
          const received = Buffer.from(push)
          inbox.push(received)
          expected.push(...push)
          expected.splice(0, debt)
          debt = Math.max(0, debt - push.length)
          const taken = inbox.take(take)
          expect(taken && [...taken]).toEqual(take <= expected.length ? expected.slice(0, take) : undefined)
          if (taken) expected = expected.slice(take)
          inbox.skip(skip)
          debt += Math.max(0, skip - expected.length)
          expected = expected.slice(skip)
          expect([...inbox.all()]).toEqual(expected)
          expect(inbox.keep()).toBe(true)
          // The pushed bytes are gone after the call.
          received.fill(0xee)
          expect([...inbox.all()]).toEqual(expected)
          expect(inbox.owes).toBe(debt > 0)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('lets go of everything when more is left than may be held', () => {
    const inbox = new Inbox(3)
    inbox.push(Uint8Array.of(1, 2, 3))
    expect(inbox.keep()).toBe(true)
    inbox.push(Uint8Array.of(4))
    expect(inbox.keep()).toBe(false)
    expect(inbox.length).toBe(0)
  })

  test('a view is not copied while it is whole', () => {
    const inbox = new Inbox(3)
    const bytes = Uint8Array.of(1, 2, 3)
    inbox.push(bytes)
    expect(inbox.all()).toBe(bytes)
  })
})
