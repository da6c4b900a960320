/** payments/gateway: authorises charges at the acquirer on the internet and books them in PostgreSQL. */
import { openCounts } from './counts.ts'
import { env, fetchText, serve } from './http.ts'
import { openPostgres } from './postgres.ts'

const counts = openCounts()
const query = openPostgres(env('DATABASE_URL'))

serve(8080, counts, {
  'POST /charge': async () => {
    const answer = await counts.attempt('acquirer', () =>
      fetchText(env('ACQUIRER_URL'), { method: 'POST', body: { cents: 4200 } }),
    )
    const state = answer === undefined ? 'declined' : 'authorised'
    await counts.attempt('postgresql', () =>
      query(`INSERT INTO charges (cents, state, at) VALUES (4200, '${state}', now())`),
    )
    if (answer === undefined) throw new Error('the acquirer did not answer')
    return { state }
  },
})
