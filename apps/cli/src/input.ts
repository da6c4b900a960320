import { open } from 'node:fs/promises'
import { LIMITS, SekishoError } from '@sekisho/core'
import { UsageError } from './arguments.ts'

/** A file, or standard input for `-`; stops reading at the limit, so that a pipe without end does no harm. */
export async function readInput(path: string, limit: number = LIMITS.documentBytes.value): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  const stream = path === '-' ? process.stdin : await openFile(path)
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > limit) throw new SekishoError('too-large', `${path} is larger than ${limit} bytes`)
    chunks.push(chunk)
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
}

async function openFile(path: string): Promise<AsyncIterable<Uint8Array>> {
  const handle = await open(path).catch((error: unknown) => {
    throw new UsageError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  })
  return handle.createReadStream()
}
