/** payments/ledger: adds up the charges every few seconds and keeps the database small. */
import { openCounts } from './counts.ts'
import { env, serve } from './http.ts'
import { openPostgres } from './postgres.ts'
import { repeat } from './repeat.ts'

const counts = openCounts()
const query = openPostgres(env('DATABASE_URL'))
let balance = 0

serve(8080, counts, { 'GET /balance': () => Promise.resolve({ balance }) })

await repeat(4_000, () =>
  counts.attempt('postgresql', async () => {
    const [row] = await query("SELECT coalesce(sum(cents), 0) FROM charges WHERE state = 'authorised'")
    balance = Number(row?.[0])
    await query("DELETE FROM charges WHERE at < now() - interval '1 hour'")
    await query("DELETE FROM orders WHERE at < now() - interval '1 hour'")
  }),
)
