/** kube-system/log-shipper: sends a batch of log lines to a collector on the internet. */
import { openCounts } from './counts.ts'
import { env, fetchText } from './http.ts'
import { repeat } from './repeat.ts'

const counts = openCounts()

await repeat(4_000, round =>
  counts.attempt('collector', () =>
    fetchText(env('COLLECTOR_URL'), { method: 'POST', body: { round, lines: Array(20).fill('GET / 200') } }),
  ),
)
