/** monitoring/scraper: reads the metrics of the pods it was told about, by address as service discovery gives them. */
import { openCounts } from './counts.ts'
import { env, fetchText, serve } from './http.ts'
import { repeat } from './repeat.ts'

const counts = openCounts()
const targets = env('TARGETS')
  .split(' ')
  .map(entry => entry.split('=') as [name: string, url: string])
const samples = new Map<string, number>()

serve(9090, counts, { 'GET /api/v1/targets': () => Promise.resolve(Object.fromEntries(samples)) })

await repeat(4_000, () =>
  Promise.all(
    targets.map(([name, url]) =>
      counts.attempt(name, async () => {
        const text = await fetchText(url)
        samples.set(name, text.split('\n').length)
      }),
    ),
  ),
)
