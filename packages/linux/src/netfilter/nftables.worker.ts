import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import koffi from 'koffi'
import { enterNetns } from '../netns.ts'
import { LIBNFTABLES, type Reply, type Request, type WorkerSetup } from './nftables.protocol.ts'

/**
 * The thread on which libnftables runs. It enters its namespace before anything else: the library opens sockets
 * of its own whenever it likes (interface names, a cache that was interrupted), so the thread, not just the
 * first socket, must be in the right one.
 */
const { netns } = workerData as WorkerSetup
if (netns !== undefined) enterNetns(netns)

const library = koffi.load(LIBNFTABLES)
const NftContext = koffi.pointer('nft_ctx', koffi.opaque())
const newContext = library.func('nft_ctx_new', NftContext, ['uint32_t'])
const freeContext = library.func('nft_ctx_free', 'void', [NftContext])
const bufferOutput = library.func('nft_ctx_buffer_output', 'int', [NftContext])
const bufferError = library.func('nft_ctx_buffer_error', 'int', [NftContext])
const takeOutput = library.func('nft_ctx_get_output_buffer', 'str', [NftContext])
const takeError = library.func('nft_ctx_get_error_buffer', 'str', [NftContext])
const runCommands = library.func('nft_run_cmd_from_buffer', 'int', [NftContext, 'str'])

const context: unknown = newContext(0)
if (!context) throw new Error('nft_ctx_new: out of memory')
if (bufferOutput(context) !== 0 || bufferError(context) !== 0)
  throw new Error('nft_ctx_buffer: out of memory')

/** libnftables quotes the failing command, which may be a set of 100,000 elements on one line. */
const MESSAGE_MAX = 2_000

const port = ownPort()
const reply = (message: Reply): void => port.postMessage(message)

function ownPort(): MessagePort {
  if (!parentPort) throw new Error('this module runs as a worker')
  return parentPort
}

function run(id: number, commands: string): void {
  const failed = runCommands(context, commands) !== 0
  takeOutput(context)
  const message = String(takeError(context) ?? '')
  if (failed) reply({ kind: 'refused', id, message: message.trim().slice(0, MESSAGE_MAX) })
  else reply({ kind: 'done', id })
}

port.on('message', (request: Request) => {
  switch (request.kind) {
    case 'run':
      return run(request.id, request.commands)
    case 'close':
      freeContext(context)
      return port.close()
  }
})
