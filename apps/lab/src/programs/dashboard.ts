/** monitoring/dashboard: asks the scraper what it has, and shows it. */
import { openCounts } from './counts.ts'
import { env, fetchText, serve } from './http.ts'
import { repeat } from './repeat.ts'

const counts = openCounts()
let shown = '{}'

serve(3000, counts, { 'GET /': () => Promise.resolve(JSON.parse(shown)) })

await repeat(3_000, async () => {
  shown = (await counts.attempt('scraper', () => fetchText(`${env('SCRAPER_URL')}/api/v1/targets`))) ?? shown
})
