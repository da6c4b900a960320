import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { SekishoError } from '@sekisho/core'

const inflate = promisify(gunzip)

/** Reads a request's body; stops at `most` bytes, whatever `Content-Length` promises. @throws SekishoError too-large */
export async function readBody(request: IncomingMessage, most: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > most) throw new SekishoError('too-large')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > most) throw new SekishoError('too-large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Inflates up to `most` bytes: a gzip bomb stops there. @throws SekishoError too-large, bad-request */
export async function gunzipBounded(bytes: Buffer, most: number): Promise<Buffer> {
  try {
    return await inflate(bytes, { maxOutputLength: most })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    throw code === 'ERR_BUFFER_TOO_LARGE'
      ? new SekishoError('too-large')
      : new SekishoError('bad-request', 'The body is not gzip.')
  }
}

/** @throws SekishoError bad-request */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new SekishoError('bad-request', 'The body is not JSON.')
  }
}
