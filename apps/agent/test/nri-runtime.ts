import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { Fields, message } from '../src/nri/protobuf.ts'
import { CONNECTION, frame, Trunk, TYPE } from '../src/nri/trunk.ts'

const PLUGIN = 'nri.pkg.api.v1alpha1.Plugin'

export interface TestPod {
  readonly id: string
  readonly name: string
  readonly namespace?: string
  readonly ips?: readonly string[]
  readonly netns?: string
  readonly pid?: number
}

/** A pod as containerd writes it. */
export const sandbox = ({ id, name, namespace = 'shop', ips = [], netns, pid = 1 }: TestPod): Buffer =>
  message(
    [1, id],
    [2, name],
    [3, 'uid'],
    [4, namespace],
    [5, message([1, 'app'], [2, name])],
    [
      8,
      message(
        [3, '/kubepods'],
        ...(netns === undefined ? [] : [[5, message([1, 'network'], [2, netns])] as const]),
      ),
    ],
    [9, pid],
    ...ips.map(ip => [10, ip] as const),
  )

export interface Answer {
  readonly code: number
  readonly reason: string
  readonly payload: Fields
}

/** One plugin that has connected, from the runtime's side. */
export class ConnectedPlugin {
  readonly #socket: Socket
  readonly #answers = new Map<number, (answer: Answer) => void>()
  readonly #registered = Promise.withResolvers<{ readonly name: string; readonly index: string }>()
  readonly closed: Promise<unknown>
  #stream = 1

  constructor(socket: Socket) {
    this.#socket = socket
    this.closed = once(socket, 'close')
    const trunk = new Trunk()
    socket.on('error', () => undefined)
    socket.on('data', bytes => {
      for (const { connection, stream, payload } of trunk.read(bytes)) {
        const read = new Fields(payload)
        if (connection === CONNECTION.runtime) this.#register(stream, read)
        else {
          const status = new Fields(read.bytes(1))
          const answer = {
            code: status.number(1),
            reason: status.text(2),
            payload: new Fields(read.bytes(2)),
          }
          this.#answers.get(stream)?.(answer)
        }
      }
    })
  }

  #register(stream: number, request: Fields): void {
    const given = new Fields(request.bytes(3))
    this.#registered.resolve({ name: given.text(1), index: given.text(2) })
    this.write(
      frame({ connection: CONNECTION.runtime, stream, type: TYPE.response, payload: message([2, '']) }),
    )
  }

  get registered() {
    return this.#registered.promise
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  ask(method: string, request: Uint8Array, service = PLUGIN): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const stream = this.#stream
    this.#stream += 2
    this.#answers.set(stream, resolve)
    const payload = message([1, service], [2, method], [3, request])
    this.write(frame({ connection: CONNECTION.plugin, stream, type: TYPE.request, payload }))
    return promise
  }

  /** As `pkg/adaptation` of NRI does with every plugin that registers. */
  async begin(pods: readonly TestPod[] = [], requestMs = 2_000): Promise<void> {
    await this.registered
    await this.ask('Configure', message([2, 'containerd'], [3, 'v2.2.9'], [4, 5_000], [5, requestMs]))
    await this.ask('Synchronize', message(...pods.map(pod => [1, sandbox(pod)] as const)))
  }

  runPod = (pod: TestPod) => this.ask('StateChange', message([1, 1], [2, sandbox(pod)]))

  end(): void {
    this.#socket.destroy()
  }
}

/** The socket of a container runtime. */
export class TestRuntime implements AsyncDisposable {
  readonly path: string
  readonly #server: Server
  readonly #plugins: ConnectedPlugin[] = []
  readonly #waiting: ((plugin: ConnectedPlugin) => void)[] = []

  private constructor(path: string, server: Server) {
    this.path = path
    this.#server = server
    server.on('connection', socket => {
      const plugin = new ConnectedPlugin(socket)
      const next = this.#waiting.shift()
      if (next) next(plugin)
      else this.#plugins.push(plugin)
    })
  }

  static async open(path: string): Promise<TestRuntime> {
    const server = createServer()
    const runtime = new TestRuntime(path, server)
    server.listen(path)
    await once(server, 'listening')
    return runtime
  }

  /** The next plugin that connects. */
  plugin(): Promise<ConnectedPlugin> {
    const there = this.#plugins.shift()
    if (there) return Promise.resolve(there)
    const { promise, resolve } = Promise.withResolvers<ConnectedPlugin>()
    this.#waiting.push(resolve)
    return promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const plugin of this.#plugins) plugin.end()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
