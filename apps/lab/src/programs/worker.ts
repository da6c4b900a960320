/** shop/worker: the batch job. Reads the catalogue, fetches rates and packages from the internet. */
import { openCounts } from './counts.ts'
import { env, fetchText } from './http.ts'
import { repeat } from './repeat.ts'

const counts = openCounts()

await repeat(3_000, async round => {
  await counts.attempt('api', () => fetchText(`${env('API_URL')}/api/products`))
  await counts.attempt('rates', () => fetchText(env('RATES_URL')))
  if (round % 3 === 0) await counts.attempt('packages', () => fetchText(env('PACKAGES_URL')))
})
