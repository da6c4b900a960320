import { type Lab, readCounts, type TrafficStatus } from '@sekisho/lab'
import { until } from './api.ts'

/** What the programs of the lab count themselves: evidence that does not come from Sekisho. */
const CAMPAIGN = 'attack-campaign'
const isOrdinary = ({ program }: TrafficStatus) => !program.startsWith('attack-')
const isCampaign = ({ program }: TrafficStatus) => program === CAMPAIGN

const sum = (entries: readonly TrafficStatus[], key: 'ok' | 'failed') =>
  entries.reduce((total, entry) => total + entry[key], 0)

const line = ({ program, target, lastError }: TrafficStatus, how: string) =>
  `${program} → ${target} ${how}${lastError === undefined ? '' : ` (last error: ${lastError})`}`

export interface Tally {
  readonly shopOk: number
  readonly attackerStopped: number
  /** Each way of the shop that failed in this time. */
  readonly shopFailed: readonly string[]
  /** Each goal of the attacker that a try reached which began in this time. */
  readonly attackerReached: readonly string[]
}

/**
 * Counts what happens from now on. Programs write their counts once a second, on a busy machine later: what ended
 * before this moment is waited for, or it would be taken for what ended after it. And a try that was under way
 * when a policy came into force may end well after it.
 */
export async function openTally(lab: Lab): Promise<() => Tally> {
  const moment = Date.now()
  const read = () => readCounts(lab.runDir).filter(entry => isOrdinary(entry) || isCampaign(entry))
  const before = await until('counts that were written after this moment', () => {
    const entries = read()
    return entries.every(({ at }) => at >= moment) ? entries : undefined
  })
  return () => {
    const now = read()
    const [shop, attacker] = [now.filter(isOrdinary), now.filter(isCampaign)]
    return {
      shopOk: sum(shop, 'ok') - sum(before.filter(isOrdinary), 'ok'),
      attackerStopped: sum(attacker, 'failed') - sum(before.filter(isCampaign), 'failed'),
      shopFailed: shop
        .filter(({ lastFailureAt = 0 }) => lastFailureAt >= moment)
        .map(entry => line(entry, 'failed')),
      attackerReached: attacker
        .filter(({ lastOkBegan = 0 }) => lastOkBegan >= moment)
        .map(entry => line(entry, 'was reached')),
    }
  }
}

/** Waits until shop and attacker have tried so often; how it went is in the tally. */
export const tried = (tally: () => Tally, least: { readonly shop: number; readonly attacker: number }) =>
  until(`${least.shop} more requests of the shop, ${least.attacker} more attempts of the attacker`, () => {
    const now = tally()
    const enough = now.shopOk >= least.shop && now.attackerStopped >= least.attacker
    return enough || now.shopFailed.length > 0 || now.attackerReached.length > 0 ? now : undefined
  })

const VISIT = ['front page', 'products', 'cart', 'checkout', 'blog']
/** Everything the ordinary programs do, each at its own pace. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  customers: VISIT,
  'shop-loadgen': VISIT,
  'shop-worker': ['api', 'rates', 'packages'],
  'shop-api-1': ['postgresql', 'redis', 'gateway'],
  'shop-api-2': ['postgresql', 'redis', 'gateway'],
  'pay-gateway': ['acquirer', 'postgresql'],
  'pay-ledger': ['postgresql'],
  'mon-scraper': ['shop-web-1', 'shop-web-2', 'shop-api-1', 'shop-api-2', 'pay-gateway', 'pay-ledger'],
  'mon-dashboard': ['scraper'],
  'sys-log-shipper': ['collector'],
}
/** Customers take turns with their addresses, the shop's addresses and its pages, 30 in a round: two rounds. */
const VISITS = 60

/** Waits until every program has done everything that it does: less would be learned as more than the least. */
export const everythingDone = (lab: Lab): Promise<true> =>
  until('every program has made every kind of call', () => {
    const entries = readCounts(lab.runDir).filter(({ ok }) => ok > 0)
    const done = (name: string, target: string) =>
      entries.some(entry => entry.program === name && entry.target === target)
    const visits = sum(
      entries.filter(({ program }) => program === 'customers'),
      'ok',
    )
    const all = Object.entries(CALLS).every(([name, targets]) => targets.every(target => done(name, target)))
    return visits >= VISITS && all ? true : undefined
  })
