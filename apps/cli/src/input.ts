import { open } from 'node:fs/promises'
import { LIMITS, SekishoError } from '@sekisho/core'
import { UsageError } from './arguments.ts'

/** A file, or standard input for `-`; stops reading at the limit, so that a pipe without end does no harm. */
export async function readInput(path: string, limit: number = LIMITS.documentBytes.value): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunksOf(path)) {
    size += chunk.length
    if (size > limit) throw new SekishoError('too-large', `${path} is larger than ${limit} bytes`)
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw new SekishoError('bad-request', `${path} is not text in UTF-8`)
  }
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* path === '-' ? process.stdin : (await open(path)).createReadStream()
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}
