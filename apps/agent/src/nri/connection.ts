import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { LIMITS } from '@sekisho/core'
import { refusalOf, registration } from './messages.ts'
import { CONNECTION, frame, type Message, Trunk, TYPE } from './trunk.ts'

/** What a runtime's `required_plugins` would name. */
const NAME = 'sekisho'
/** Of two digits: the runtime asks its plugins in this order. */
const INDEX = '10'
/** Of our one request; streams are odd where we ask. */
const REGISTRATION = 1

export interface RuntimeConnection {
  readonly socket: string
  readonly signal: AbortSignal
  /** The payload of the answer to that of a request. Rejects for a mistake of ours only, which ends the connection. */
  answer(request: Uint8Array): Promise<Uint8Array>
}

/**
 * Registers with a runtime and answers it. Resolves when the runtime ends the connection.
 * @throws when it cannot be reached, refuses us, or says what cannot be read.
 */
export async function serveRuntime({ socket: path, signal, answer }: RuntimeConnection): Promise<void> {
  const socket = connect({ path, signal })
  await once(socket, 'connect')
  socket.write(
    frame({
      connection: CONNECTION.runtime,
      stream: REGISTRATION,
      type: TYPE.request,
      payload: registration(NAME, INDEX),
    }),
  )
  const trunk = new Trunk()
  const answering = new Set<Promise<void>>()
  // However this ends, the socket does too.
  for await (const bytes of socket as AsyncIterable<Uint8Array>) {
    for (const message of trunk.read(bytes)) {
      checkRegistration(message)
      if (message.connection !== CONNECTION.plugin || message.type !== TYPE.request) continue
      if (answering.size >= LIMITS.nriRequests.value) await Promise.race(answering)
      const answered = respond(socket, message, answer)
        .catch((error: unknown) => void socket.destroy(error instanceof Error ? error : undefined))
        .finally(() => answering.delete(answered))
      answering.add(answered)
    }
  }
}

/** @throws when the runtime does not take us. */
function checkRegistration({ connection, type, payload }: Message): void {
  if (connection !== CONNECTION.runtime || type !== TYPE.response) return
  const refusal = refusalOf(payload)
  const reason = refusal.ok ? refusal.value : refusal.error
  if (reason !== undefined) throw new Error(`the container runtime refuses the plugin: ${reason}`)
}

async function respond(
  socket: Socket,
  { connection, stream, payload }: Message,
  answer: RuntimeConnection['answer'],
): Promise<void> {
  const answered = await answer(payload)
  if (socket.writable) socket.write(frame({ connection, stream, type: TYPE.response, payload: answered }))
}
