import { connect } from 'node:net'
import { type Connection, openPool, PATIENCE_MS, type Waiting, within } from './pool.ts'

type Reply = string | number | null

/** The one reply at the start of the text, RESP2 without arrays; undefined when more bytes are needed. */
function readReply(text: string): { readonly reply: Reply | Error; readonly length: number } | undefined {
  const end = text.indexOf('\r\n')
  if (end < 0) return undefined
  const line = text.slice(1, end)
  const length = end + 2
  switch (text[0]) {
    case '+':
      return { reply: line, length }
    case ':':
      return { reply: Number(line), length }
    case '$': {
      const size = Number(line)
      if (size < 0) return { reply: null, length }
      if (text.length < length + size + 2) return undefined
      return { reply: text.slice(length, length + size), length: length + size + 2 }
    }
    default:
      return { reply: new Error(`redis: ${line}`), length }
  }
}

interface RedisConnection extends Connection {
  send(command: readonly string[]): Promise<Reply>
}

function openConnection(host: string, port: number): Promise<RedisConnection> {
  const socket = connect({ host, port, noDelay: true }).setEncoding('latin1')
  const waiting: Waiting<Reply>[] = []
  let received = ''
  const fail = (error: Error) => {
    for (const { reject } of waiting.splice(0)) reject(error)
  }
  socket.on('error', fail).on('close', () => fail(new Error('redis: the connection was closed')))
  socket.on('data', (chunk: string) => {
    received += chunk
    for (let next = readReply(received); next; next = readReply(received)) {
      received = received.slice(next.length)
      const caller = waiting.shift()
      if (next.reply instanceof Error) caller?.reject(next.reply)
      else caller?.resolve(next.reply)
    }
  })
  const connection: RedisConnection = {
    send: command =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        socket.write(
          `*${command.length}\r\n${command.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`,
        )
      }),
    close: () => socket.destroy(),
  }
  const opened = new Promise<RedisConnection>((resolve, reject) => {
    socket.once('connect', () => resolve(connection)).once('error', reject)
  })
  return within(`redis ${host}`, PATIENCE_MS, opened).catch((error: unknown) => {
    socket.destroy()
    throw error
  })
}

/** A Redis client: one pooled connection. Words of commands are ASCII. */
export function openRedis(host: string, port = 6379) {
  const pool = openPool(() => openConnection(host, port), 20_000)
  return (...command: string[]): Promise<Reply> =>
    pool.use(connection => within(`redis ${command[0]}`, PATIENCE_MS, connection.send(command)))
}
