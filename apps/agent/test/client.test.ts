import { expect, test } from 'vitest'
import { createClient } from '../src/server/client.ts'

test('a server to which no connection comes about is given up, not waited for as long as the kernel tries', async () => {
  const server = new URL('https://server.invalid:7444')
  // Its address is asked for and never told: for the client no other than an address that does not answer.
  const unanswered = { ca: [], lookup: () => undefined }
  using client = createClient(server, unanswered, 50)
  await expect(client.call({ method: 'GET', path: '/' })).rejects.toThrow('the server does not answer')
})
