import { NETWORK_POLICIES } from '@sekisho/kube'
import { expect, test } from 'vitest'
import { followElements } from '../elements.ts'
import { finishedPod, sandboxTimes } from '../pods.ts'
import { type Shop, webFrom } from '../shop.ts'

const CHANGES = 100
const STARTS = 20
/** Of which the plugin lets every pod in at once. */
const EXEMPT = 'kube-system'

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN

const ms = (value: number | undefined) => `${value?.toFixed(1)} ms`
const median = (values: readonly number[]) => percentile(values, 0.5)
const both = (values: readonly number[]) => `p50 ${ms(median(values))}, p99 ${ms(percentile(values, 0.99))}`

/** Starts a pod for each of these names, one after the other, many times. */
async function startInTurn(
  shop: Shop,
  pods: readonly { readonly namespace: string; readonly name: string }[],
): Promise<void> {
  for (let i = 0; i < STARTS; i++)
    for (const { namespace, name } of pods)
      await finishedPod(shop.cluster, { namespace, name: `${name}-${i}`, node: 'node-1', script: 'exit 0' })
}

/** How long the runtime took for the sandboxes of pods of that name, milliseconds. */
const sandboxes = (shop: Shop, name: string): readonly number[] =>
  sandboxTimes(shop.cluster.node('node-1'), `${name}-`)

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
        await startInTurn(shop, [shop.at('before')])
        before = sandboxes(shop, 'before')
        expect(before).toHaveLength(STARTS)
      }),
    with: () =>
      test('figures', async () => {
        await startInTurn(shop, [{ namespace: EXEMPT, name: 'exempt' }, shop.at('after')])
        const [exempt, after] = [sandboxes(shop, 'exempt'), sandboxes(shop, 'after')]
        await using _ = await shop.has(NETWORK_POLICIES, 'web', webFrom('nobody'))
        await shop.everyoneReaches(false, false)
        const times = await relabelMany(shop)
        const { addMs } = shop.sekisho.status('node-1').cni ?? {}
        const lines = [
          `a label's change, from the call of the API to the kernel of the other node (${CHANGES}): ${both(times)}`,
          `a pod's sandbox before Sekisho came (${STARTS}): ${both(before)}`,
          `with it, pods that never wait (${STARTS}): ${both(exempt)}`,
          `with it, in turn with these (${STARTS}): ${both(after)}; added: p50 ${ms(median(after) - median(exempt))}`,
          `of which the agent took: p50 ${ms(addMs?.p50)}, p99 ${ms(addMs?.p99)}`,
        ]
        process.stderr.write(`${lines.join('\n')}\n`)
        expect(times).toHaveLength(CHANGES)
      }),
  }
}
