import { type Duplex, duplexPair } from 'node:stream'
import type { Side } from '../src/index.ts'

export type Speech = (readonly [Side, Uint8Array])[]

/** A connection in memory between a real client and a real server, and what each says. */
export function overheard(): { readonly client: Duplex; readonly server: Duplex; readonly said: Speech } {
  const said: Speech = []
  const [client, server] = duplexPair()
  record(said, 'client', client)
  record(said, 'server', server)
  return { client, server, said }
}

function record(said: Speech, side: Side, stream: Duplex): void {
  const write = stream._write.bind(stream)
  stream._write = (chunk: Uint8Array, encoding, done) => {
    said.push([side, Uint8Array.from(chunk)])
    write(chunk, encoding, done)
  }
}
