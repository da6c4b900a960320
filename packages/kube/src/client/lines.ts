import { KubeMalformed } from './errors.ts'

/** Splits a stream at line ends. @throws KubeMalformed for a line longer than `most` bytes. */
export async function* lines(chunks: AsyncIterable<Buffer>, most: number): AsyncGenerator<string> {
  let parts: Buffer[] = []
  let length = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end))
      if (length + end - from > most) throw new KubeMalformed(`a line of more than ${most} bytes`)
      yield Buffer.concat(parts).toString('utf8')
      parts = []
      length = 0
      from = end + 1
    }
    if (from === chunk.length) continue
    parts.push(chunk.subarray(from))
    length += chunk.length - from
    if (length > most) throw new KubeMalformed(`a line of more than ${most} bytes`)
  }
}
