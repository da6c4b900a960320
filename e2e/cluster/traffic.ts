import { NETWORK_POLICIES } from '@sekisho/kube'
import { expect } from 'vitest'
import { eventually } from './eventually.ts'
import { type Shop, webFrom } from './shop.ts'

/** Connections to `web` that go on while something happens: those of `far` are allowed, those of `near` denied. */
export interface Traffic extends AsyncDisposable {
  /** Waits until both have been tried again in both families. */
  goesOn(): Promise<void>
  /** Since it began: what was allowed and did not come, what was denied and came. */
  readonly faults: { readonly cut: number; readonly opened: number }
}

export async function startTraffic(shop: Shop): Promise<Traffic> {
  await using stack = new AsyncDisposableStack()
  stack.use(await shop.has(NETWORK_POLICIES, 'web', webFrom('far')))
  await shop.everyoneReaches(false, true)
  const { ips } = shop.pod('web')
  // A connection that is late on a busy machine was not cut.
  const allowed = ips.map(ip => stack.use(shop.pod('far').keepsTrying(ip, 20)))
  const denied = ips.map(ip => stack.use(shop.pod('near').keepsTrying(ip, 1)))
  const kept = stack.move()
  return {
    async goesOn() {
      const before = allowed.map(({ accepted }) => accepted)
      const tried = denied.map(({ failed }) => failed)
      await eventually(() => {
        for (const [i, { accepted }] of allowed.entries())
          expect(accepted).toBeGreaterThan((before[i] ?? 0) + 3)
        for (const [i, { failed }] of denied.entries()) expect(failed).toBeGreaterThan(tried[i] ?? 0)
      })
    },
    get faults() {
      const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0)
      return {
        cut: sum(allowed.map(({ failed }) => failed)),
        opened: sum(denied.map(({ accepted }) => accepted)),
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
