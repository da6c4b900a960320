import { NETWORK_POLICIES } from '@sekisho/kube'
import { expect, test } from 'vitest'
import { followElements } from '../elements.ts'
import { sandboxTimes } from '../pods.ts'
import { type Shop, webFrom } from '../shop.ts'

const CHANGES = 100
const STARTS = 5

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN

const ms = (value: number | undefined) => `${value?.toFixed(1)} ms`
const both = (values: readonly number[]) =>
  `p50 ${ms(percentile(values, 0.5))}, p99 ${ms(percentile(values, 0.99))}`

/** Starts pods one after the other. @returns how long the runtime took for the sandbox of each, milliseconds. */
async function startMany(shop: Shop, name: string): Promise<readonly number[]> {
  for (let i = 0; i < STARTS; i++)
    await shop.finished({ name: `${name}-${i}`, node: 'node-1', script: 'exit 0' })
  return sandboxTimes(shop.cluster.node('node-1'), `${name}-`)
}

/** @returns how long the kernel of the other node took to know of a label that changed, from the call of the API. */
async function relabelMany(shop: Shop): Promise<readonly number[]> {
  using elements = followElements(shop.cluster.node('node-1').place)
  const times: number[] = []
  for (let i = 0; i < CHANGES; i++) {
    const seen = elements.next(shop.pod('far').ips[0])
    const since = performance.now()
    await shop.rename('far', i % 2 === 0 ? 'nobody' : 'far')
    times.push((await seen) - since)
  }
  return times
}

/** Figures are printed, not judged: on a busy machine they say little. @returns what is registered before and after the installation. */
export function figures(shop: Shop) {
  let before: readonly number[] = []
  return {
    without: () =>
      test('pods start', async () => {
        before = await startMany(shop, 'before')
        expect(before).toHaveLength(STARTS)
      }),
    with: () =>
      test('figures', async () => {
        const started = await startMany(shop, 'after')
        await using _ = await shop.has(NETWORK_POLICIES, 'web', webFrom('nobody'))
        await shop.everyoneReaches(false, false)
        const times = await relabelMany(shop)
        const { addMs } = shop.sekisho.status('node-1').cni ?? {}
        const lines = [
          `a label's change, from the call of the API to the kernel of the other node (${CHANGES}): ${both(times)}`,
          `a pod's sandbox without Sekisho (${STARTS}): ${both(before)}; with it: ${both(started)}`,
          `of which its network waited for the agent: p50 ${ms(addMs?.p50)}, p99 ${ms(addMs?.p99)}`,
        ]
        process.stderr.write(`${lines.join('\n')}\n`)
        expect(times).toHaveLength(CHANGES)
      }),
  }
}
