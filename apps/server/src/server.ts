import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import {
  createControl,
  type Log,
  openAuthority,
  SERVER_RENEWAL_MS,
  shareAuthority,
  type Timer,
  webhookHosts,
} from '@sekisho/control'
import { type Clock, parseIp, VERSION } from '@sekisho/core'
import { openStore, type Store } from '@sekisho/store'
import { openClusterAccount } from './cluster.ts'
import { databaseIn } from './data.ts'
import { openInsight } from './insight/insight.ts'
import { listen } from './listen.ts'
import { type Endpoint, isLoopback, type ServerOptions } from './options.ts'

/** What the server needs from the world; tests bring their own clock. */
export interface World {
  readonly clock: Clock
  readonly timer: Timer
  readonly log: Log
}

/** A running server; disposing stops it in reverse order. */
export interface RunningServer extends AsyncDisposable {
  readonly url: string
  readonly agentsPort: number
}

/** Between two looks whether something is to be summed or is too old; short enough that each has little to do. */
const UPKEEP_MS = 60_000
/** Between two steps of one upkeep, so that requests are served in between. */
const UPKEEP_STEP_MS = 20

const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host)
const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::'

/** The names and addresses a listener is reached by: its own, and for a wildcard those of the machine. */
function hostsOf({ host }: Endpoint, names: readonly string[]): readonly string[] {
  const machine = isWildcard(host)
    ? [
        hostname(),
        ...Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(each => each.address)),
      ]
    : [host]
  // A link-local address names its interface ("%eth0"), which a certificate cannot.
  const usable = machine.filter(each => !each.includes('%'))
  return [...new Set(['localhost', '127.0.0.1', '::1', ...usable, ...names])]
}

/** Sums what is over and deletes what is too old, in short transactions; goes on soon while there is more. */
function startUpkeep(store: Store, { retention }: ServerOptions, { timer, log }: World): Disposable {
  let waiting: Disposable
  const run = () => {
    let done = true
    try {
      const steps = [store.rollups.step(), store.retention.step(retention)]
      done = steps.every(step => step.done)
    } catch (error) {
      log.error('upkeep of the records failed; it is tried again', error)
    }
    waiting = timer.after(done ? UPKEEP_MS : UPKEEP_STEP_MS, run)
  }
  waiting = timer.after(UPKEEP_MS, run)
  return { [Symbol.dispose]: () => waiting[Symbol.dispose]() }
}

/** For `sekisho-server login-link`: where this server is. Gone again when it stops. */
function announce(data: string, url: string): Disposable {
  const path = join(data, 'server.json')
  writeFileSync(`${path}.new`, JSON.stringify({ url, pid: process.pid }))
  renameSync(`${path}.new`, path)
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) }
}

export async function startServer(options: ServerOptions, world: World): Promise<RunningServer> {
  const { clock, timer, log } = world
  await using resources = new AsyncDisposableStack()

  // 1. What everything else rests on: the cluster, if there is one, the authority's key and the database.
  const cluster = options.kubernetes && resources.use(openClusterAccount(options.kubernetes, world))
  const authority = cluster
    ? await shareAuthority({ ...cluster, directory: options.data, log })
    : openAuthority(options.data, clock)
  const store = resources.use(openStore({ path: databaseIn(options.data), clock }))

  const insight = resources.use(openInsight({ data: options.data }))

  // 2. The control plane, still without a socket.
  const loopback = isLoopback(options.listen.host)
  const apiHosts = hostsOf(options.listen, options.names)
  const agentHosts = hostsOf(options.agents, options.names)
  const names = new Set(apiHosts.filter(host => parseIp(host) === undefined).map(host => host.toLowerCase()))
  const reach = { https: !loopback, names, port: options.listen.port }
  const control = createControl({
    store,
    authority,
    insight,
    clock,
    timer,
    log,
    reach,
    loopback,
    lab: options.lab,
    console: options.console,
    ...(cluster && { cluster }),
  })

  // 3. Sockets. Agents without a certificate get in only as far as the join.
  const answer = getRequestListener(control.fetch)
  const api = resources.use(
    await listen(
      options.listen,
      (request, response) => void answer(request, response),
      loopback ? undefined : authority.issueServer(apiHosts),
    ),
  )
  const agents = resources.use(
    await listen(options.agents, control.agents, {
      ...authority.issueServer(agentHosts),
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
    }),
  )

  const { webhook: reviews } = options.kubernetes ?? {}
  const reviewHosts =
    reviews && cluster?.webhook ? [...hostsOf(reviews, options.names), ...webhookHosts(cluster.webhook)] : []
  const webhook =
    reviews && control.admission
      ? resources.use(await listen(reviews, control.admission, authority.issueServer(reviewHosts)))
      : undefined

  // 4. What happens by itself.
  let renewal: Disposable
  const renew = () => {
    if (!loopback) api.setCredentials(authority.issueServer(apiHosts))
    webhook?.setCredentials(authority.issueServer(reviewHosts))
    agents.setCredentials({ ...authority.issueServer(agentHosts), minVersion: 'TLSv1.3' })
    renewal = timer.after(SERVER_RENEWAL_MS, renew)
  }
  renewal = timer.after(SERVER_RENEWAL_MS, renew)
  resources.defer(() => renewal[Symbol.dispose]())
  resources.use(startUpkeep(store, options, world))

  const scheme = loopback ? 'http' : 'https'
  const shown = isWildcard(options.listen.host) ? hostname() : options.listen.host
  const url = `${scheme}://${urlHost(shown)}:${api.port}`
  resources.use(announce(options.data, url))
  log.info('listening', { url, agents: agents.port, version: VERSION })

  // First to go, so that streams end and the listeners can close.
  resources.use(control)
  const running = resources.move()
  return { url, agentsPort: agents.port, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
