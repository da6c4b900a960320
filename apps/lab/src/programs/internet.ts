/** The internet behind the node: HTTPS sites, a mining pool's stratum port, and the cloud's metadata address. */
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import { createInterface } from 'node:readline'
import { env } from './http.ts'

const site = createHttpsServer(
  { key: readFileSync(env('KEY_FILE')), cert: readFileSync(env('CERTIFICATE_FILE')) },
  (request, response) => {
    request.resume().on('end', () => response.end(`{"site":"${request.headers.host}","answer":"ok"}\n`))
  },
)
site.listen(443, '::')

/** Stratum is JSON lines; each is answered, so that a miner can count its accepted shares. */
const pool = createTcpServer(socket => {
  const cutOff = () => void socket.destroy()
  socket.on('error', cutOff) // a miner that was cut off; the reader of lines raises the same error once more
  const lines = createInterface({ input: socket }).on('error', cutOff)
  lines.on('line', line => {
    const { id } = JSON.parse(line) as { id: number } // only the lab's own miner connects
    socket.write(`${JSON.stringify({ id, result: true, error: null })}\n`)
  })
})
pool.listen(Number(env('POOL_PORT')), env('POOL_ADDRESS'))

/** What a cloud's metadata service gives to whoever can reach it. The keys are made up and open nothing. */
const CREDENTIALS = {
  Code: 'Success',
  AccessKeyId: 'EXAMPLE-KEY-ID',
  SecretAccessKey: 'example-not-a-secret',
}
const metadata = createHttpServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(CREDENTIALS))
})
metadata.listen(80, env('METADATA_ADDRESS'))
