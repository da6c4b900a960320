/** shop/api: the shop's HTTP API. Products from PostgreSQL, carts in Redis, charges through payments/gateway. */
import { openCounts } from './counts.ts'
import { env, fetchText, serve } from './http.ts'
import { openPostgres } from './postgres.ts'
import { openRedis } from './redis.ts'

const counts = openCounts()
const query = openPostgres(env('DATABASE_URL'))
const redis = openRedis(env('CART_HOST'))

/** Counts a use of a service, and lets the request fail with it. */
async function using<T>(target: string, call: () => Promise<T>): Promise<T> {
  const value = await counts.attempt(target, call)
  if (value === undefined) throw new Error(`${target} did not answer`)
  return value
}

serve(8080, counts, {
  'GET /api/products': async () => {
    const rows = await using('postgresql', () => query('SELECT id, name, cents FROM products ORDER BY id'))
    return rows.map(([id, name, cents]) => ({ id, name, cents: Number(cents) }))
  },
  'POST /api/cart': async () => ({ items: await using('redis', () => redis('INCR', 'cart:items')) }),
  'POST /api/checkout': async () => {
    const items = await using('redis', () => redis('GET', 'cart:items'))
    const receipt = await using('gateway', () =>
      fetchText(`${env('GATEWAY_URL')}/charge`, { method: 'POST', body: { cents: 4200 } }),
    )
    await using('postgresql', () => query('INSERT INTO orders (cents, at) VALUES (4200, now())'))
    return { items, receipt }
  },
})
