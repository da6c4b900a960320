import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import { Fields, message, type WrittenField } from '../../../apps/agent/src/nri/protobuf.ts'

/** Of `runtime.v1` (k8s.io/cri-api) what a kubelet does with a pod. */
export interface Cri extends Disposable {
  /** @returns the sandbox's id. @throws with what the runtime refused for. */
  runPod(name: string): Promise<string>
  removePod(sandbox: string): Promise<void>
  /** Makes and starts a container of the pod. @returns its id. */
  run(name: string, sandbox: string, command: readonly string[]): Promise<string>
  /** The code that it ended with; undefined while it runs. */
  exitCode(container: string): Promise<number | undefined>
  /** How many sandboxes there are. */
  pods(): Promise<number>
}

const EXITED = 2

export interface CriOptions {
  readonly socket: string
  readonly namespace: string
  readonly image: string
  /** Control group of all pods. */
  readonly groups: string
}

export function openCri({ socket, namespace, image, groups }: CriOptions): Cri {
  const session = connect('http://localhost', { createConnection: () => connectSocket({ path: socket }) })
  // Each call says for itself that there is no runtime.
  session.on('error', () => undefined)
  let attempts = 0
  const call = (method: string, ...request: readonly WrittenField[]) =>
    ask(session, method, message(...request))
  const pod = (name: string) =>
    message(
      [1, message([1, name], [2, `uid-${name}`], [3, namespace])],
      [3, '/var/log/pods'],
      [6, message([1, 'app'], [2, name])],
      [8, message([1, groups])],
    )
  return {
    async runPod(name) {
      return (await call('RunPodSandbox', [1, pod(name)])).text(1)
    },
    async removePod(sandbox) {
      await call('StopPodSandbox', [1, sandbox])
      await call('RemovePodSandbox', [1, sandbox])
    },
    async run(name, sandbox, command) {
      attempts++
      const config = message(
        [1, message([1, 'only'], [2, attempts])],

        [2, message([1, image])],
        ...command.map(word => [3, word] as const),
        [11, `${name}.log`],
      )
      const container = (await call('CreateContainer', [1, sandbox], [2, config], [3, pod(name)])).text(1)
      await call('StartContainer', [1, container])
      return container
    },
    async exitCode(container) {
      const status = new Fields((await call('ContainerStatus', [1, container])).bytes(1))
      return status.number(3) === EXITED ? status.number(7) : undefined
    },
    async pods() {
      return [...(await call('ListPodSandbox')).all(1)].length
    },
    [Symbol.dispose]: () => session.destroy(),
  }
}

/** One call of gRPC: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
async function ask(session: ClientHttp2Session, method: string, request: Uint8Array): Promise<Fields> {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/runtime.v1.RuntimeService/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  const head = Buffer.alloc(5)
  head.writeUInt32BE(request.length, 1)
  stream.end(Buffer.concat([head, request]))
  // Of an answer without a message the trailers are the headers.
  const said: Record<string, unknown> = {}
  for (const event of ['response', 'trailers'] as const)
    stream.on(event, headers => Object.assign(said, headers))
  const parts: Buffer[] = []
  stream.on('data', (part: Buffer) => parts.push(part))
  await once(stream, 'end')
  if (said['grpc-status'] !== '0')
    throw new Error(decodeURIComponent(`${method}: ${String(said['grpc-message'])}`))
  return new Fields(Buffer.concat(parts).subarray(5))
}
