/** Customers of the shop: shop/loadgen inside the cluster, and the people on the internet. */
import { openCounts } from './counts.ts'
import { env, fetchText } from './http.ts'
import { repeat } from './repeat.ts'

const counts = openCounts()
const shops = env('BASE_URLS').split(' ')
const sources = process.env.SOURCES?.split(' ')

/** A visit: looks around, puts something into the cart, and buys every third time. */
const VISIT = [
  ['front page', 'GET', '/'],
  ['products', 'GET', '/api/products'],
  ['cart', 'POST', '/api/cart'],
  ['checkout', 'POST', '/api/checkout'],
  ['blog', 'GET', '/blog/'],
] as const

await repeat(600, async round => {
  const [page, method, path] = VISIT[round % VISIT.length] ?? VISIT[0]
  const shop = shops[round % shops.length] ?? ''
  const family = shop.includes('[')
  const local = sources?.filter(ip => ip.includes(':') === family)
  const localAddress = local?.[round % local.length]
  await counts.attempt(page, () =>
    fetchText(shop + path, { method, ...(localAddress ? { localAddress } : {}) }),
  )
})
