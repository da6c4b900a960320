import { connect, type Socket } from 'node:net'
import { type Connection, openPool, PATIENCE_MS, within } from './pool.ts'

export type Row = readonly (string | null)[]

interface Message {
  readonly type: string
  readonly body: Buffer
}

/** The messages of one connection, in order (PostgreSQL documentation, "Message Formats"). */
async function* messages(socket: Socket): AsyncGenerator<Message, void> {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= 5) {
      const end = 1 + bytes.readInt32BE(1)
      if (bytes.length < end) break
      yield { type: String.fromCharCode(bytes[0] ?? 0), body: bytes.subarray(5, end) }
      bytes = bytes.subarray(end)
    }
  }
}

const int32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const framed = (type: string, body: Buffer) =>
  Buffer.concat([Buffer.from(type, 'latin1'), int32(body.length + 4), body])
const text = (value: string) => Buffer.from(`${value}\0`)

const PROTOCOL_3 = 196_608
const AUTHENTICATION_OK = 0
const AUTHENTICATION_CLEARTEXT = 3

function startup(user: string, database: string): Buffer {
  const parameters = ['user', user, 'database', database, ''].map(text)
  const body = Buffer.concat([int32(PROTOCOL_3), ...parameters])
  return Buffer.concat([int32(body.length + 4), body])
}

/** ErrorResponse is a list of fields, each a letter and a text; `M` is the sentence. */
function failure(body: Buffer): Error {
  const fields = body.toString('utf8').split('\0')
  return new Error(`postgresql: ${fields.find(field => field.startsWith('M'))?.slice(1) ?? 'failed'}`)
}

function dataRow(body: Buffer): Row {
  const row: (string | null)[] = []
  let at = 2
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const size = body.readInt32BE(at)
    at += 4
    row.push(size < 0 ? null : body.toString('utf8', at, at + size))
    at += Math.max(size, 0)
  }
  return row
}

/** Reads up to ReadyForQuery; the error of a failed statement comes before it. */
async function untilReady(incoming: AsyncGenerator<Message, void>, onPassword?: () => void): Promise<Row[]> {
  const rows: Row[] = []
  let error: Error | undefined
  for (;;) {
    const next = await incoming.next()
    if (next.done) throw error ?? new Error('postgresql: the connection was closed')
    const { type, body } = next.value
    if (type === 'Z') break
    if (type === 'D') rows.push(dataRow(body))
    if (type === 'E') error = failure(body)
    if (type === 'R') {
      const method = body.readInt32BE(0)
      if (method === AUTHENTICATION_CLEARTEXT) onPassword?.()
      else if (method !== AUTHENTICATION_OK)
        throw new Error(`postgresql: authentication ${method} is not known`)
    }
  }
  if (error) throw error
  return rows
}

interface PostgresConnection extends Connection {
  query(sql: string): Promise<Row[]>
}

async function openConnection(url: URL): Promise<PostgresConnection> {
  const socket = connect({ host: url.hostname, port: Number(url.port || 5432), noDelay: true })
  const incoming = messages(socket)
  socket.write(startup(url.username, url.pathname.slice(1)))
  const password = () => socket.write(framed('p', text(url.password)))
  try {
    await within(`postgresql ${url.hostname}`, PATIENCE_MS, untilReady(incoming, password))
  } catch (error) {
    socket.destroy()
    throw error
  }
  let last: Promise<unknown> = Promise.resolve()
  const query = (sql: string) => {
    socket.write(framed('Q', text(sql)))
    return untilReady(incoming)
  }
  return {
    // The protocol answers in order, so a question waits for the one before it, however that ended.
    query(sql) {
      const answer = last.then(() => query(sql))
      last = answer.catch(() => undefined)
      return answer
    },
    close: () => socket.destroy(),
  }
}

/** A PostgreSQL client for constant statements (simple query protocol, one pooled connection). */
export function openPostgres(url: string) {
  const address = new URL(url)
  const pool = openPool(() => openConnection(address), 30_000)
  return (sql: string): Promise<Row[]> =>
    pool.use(connection => within('postgresql', PATIENCE_MS, connection.query(sql)))
}
