import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent as Connections, request } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { openAuthority } from '@sekisho/control'
import { type AgentStatus, type Batch, type EpochMs, type NodeName, VERSION } from '@sekisho/core'
import { openStore } from '@sekisho/store'
import { systemTimers } from '../packages/kube/test/system-timers.ts'

/** Agents on the wire: a state stream each and a status every ten seconds, without kernels. */
export interface SimulatedAgents extends Disposable {
  /** Opens the streams of these nodes, some at a time. */
  connect(nodes: readonly NodeName[], port: number): Promise<void>
  readonly connected: number
  /** Lines that were no heartbeats, and their bytes. */
  /** `refused`: that the server did not acknowledge. */
  readonly heard: { lines: number; bytes: number; batches: number; refused: number }
}

export interface AgentsOptions {
  /** The server's directory, before the server runs. */
  readonly data: string
  readonly nodes: readonly NodeName[]
  /** A line of a node's state. */
  onLine(node: NodeName, line: string): void
}

interface Identity {
  readonly ca: string
  readonly key: string
  readonly cert: string
}

const AT_ONCE = 20
const STATUS_MS = 10_000
const AGAIN_MS = 100
/** Shorter lines say that nothing is new. */
const HEARTBEAT = '{"kind":"heartbeat"'

/** All agents have one key, which nobody checks: making 5,000 would measure nothing of ours. */
function enrol({ data, nodes }: AgentsOptions): Map<NodeName, Identity> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
  const authority = openAuthority(data, systemTimers)
  using store = openStore({ path: `${data}/sekisho.db`, clock: systemTimers })
  return store.transaction(
    () =>
      new Map(
        nodes.map(node => {
          const cert = authority.issueAgent(node, publicKey)
          store.agents.join({ node, publicKey, certificateSerial: '' })
          return [node, { ca: authority.certificate, key, cert }]
        }),
      ),
  )
}

const statusOf = (node: NodeName, revision: number): AgentStatus => ({
  node,
  version: VERSION,
  startedAt: 0 as EpochMs,
  addresses: [],
  revision,
  workloads: 20,
  rules: 100,
  setElements: 1_000,
  programs: 10,
  programErrors: 0,
  programMs: { p50: 10, p99: 20 },
  ledger: {},
  inspection: { isListening: true, threads: 2, restarts: 0, flows: 0, queued: 0 },
  degraded: [],
})

class SimulatedAgent {
  readonly #node: NodeName
  readonly #connections: Connections
  readonly #port: number
  readonly #ca: string
  #revision = 0
  #sequence = 0
  #timer: NodeJS.Timeout | undefined

  constructor(node: NodeName, { ca, key, cert }: Identity, port: number) {
    this.#node = node
    this.#port = port
    this.#ca = ca
    this.#connections = new Connections({ key, cert, keepAlive: true, maxSockets: 2 })
  }

  async open(heard: SimulatedAgents['heard'], onLine: AgentsOptions['onLine']): Promise<void> {
    const response = await this.#stateStream()
    // Ended by whoever stops first; a stream that broke on the way is missed by who waits for its lines.
    response.once('error', () => undefined)
    let rest = ''
    response.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line.startsWith(HEARTBEAT)) continue
        heard.lines++
        heard.bytes += line.length
        this.#revision = Number(/"revision":(\d+)/.exec(line)?.[1])
        onLine(this.#node, line)
      }
    })
    const report = () =>
      void this.#report().then(
        () => heard.batches++,
        () => heard.refused++,
      )
    // As those of a fleet do: not all in the same second.
    this.#timer = setTimeout(() => {
      report()
      this.#timer = setInterval(report, STATUS_MS)
    }, Math.random() * STATUS_MS)
  }

  async #report(): Promise<void> {
    const batch: Batch = {
      node: this.#node,
      epoch: 'bench',
      sequence: ++this.#sequence,
      flows: [],
      events: [],
      status: statusOf(this.#node, this.#revision),
    }
    const answer = await this.#send('POST', '/agent/v1/batches', gzipSync(JSON.stringify(batch)))
    if (answer.statusCode !== 200) throw new Error(`the server answered ${answer.statusCode} to a batch`)
    answer.resume()
    await once(answer, 'end')
  }

  /** A server that has not read its cluster yet says so, and is asked again. */
  async #stateStream(): Promise<IncomingMessage> {
    for (;;) {
      const response = await this.#send('GET', '/agent/v1/state')
      if (response.statusCode === 200) return response
      response.resume()
      if (response.statusCode !== 503)
        throw new Error(`the server answered ${response.statusCode} to an agent`)
      await pause(AGAIN_MS)
    }
  }

  async #send(method: string, path: string, body?: Buffer): Promise<IncomingMessage> {
    const outgoing = request({
      host: '127.0.0.1',
      port: this.#port,
      ca: this.#ca,
      method,
      path,
      agent: this.#connections,
      headers: { ...(body && { 'content-encoding': 'gzip', 'content-length': body.length }) },
    })
    outgoing.end(body)
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    return response
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#connections.destroy()
  }
}

export function simulateAgents(options: AgentsOptions): SimulatedAgents {
  const identities = enrol(options)
  const agents: SimulatedAgent[] = []
  const heard = { lines: 0, bytes: 0, batches: 0, refused: 0 }
  const open = async (node: NodeName, port: number) => {
    const identity = identities.get(node)
    if (!identity) throw new RangeError(`no agent of ${node}`)
    const agent = new SimulatedAgent(node, identity, port)
    await agent.open(heard, options.onLine)
    agents.push(agent)
  }
  return {
    heard,
    get connected() {
      return agents.length
    },
    async connect(nodes, port) {
      for (let at = 0; at < nodes.length; at += AT_ONCE)
        await Promise.all(nodes.slice(at, at + AT_ONCE).map(node => open(node, port)))
    },
    [Symbol.dispose]() {
      for (const agent of agents) agent[Symbol.dispose]()
    },
  }
}
