import { APPLICATIONS, type Application, applicationOfProtocol, TELLING_PROTOCOLS } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { Identifier, PROTOCOLS } from '../src/index.ts'
import { HTTP_APPLICATIONS } from '../src/protocols/http/applications/index.ts'
import { bytesOf, type Said } from './conversation.ts'
import { extension, hello, message, record, vector16 } from './hello.ts'
import { TOR_HELLO } from './tor-hello.ts'

/** What a client says of which the protocol alone would be less. */
const REFINED: Partial<Record<Application, Said>> = {
  dot: record(22, message(1, hello(extension(16, vector16('\x03dot'))))),
  grpc: [
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
    '\0\0\x2a\x01\x04\0\0\0\x01\x83\x86\x41\x01h\x04\x04/s/m\x40\x0ccontent-type\x10application/grpc',
  ].join(''),
  tor: TOR_HELLO,
}

const PRODUCED: ReadonlySet<string> = new Set([
  ...PROTOCOLS.map(({ application }) => application),
  ...HTTP_APPLICATIONS.map(({ application }) => application),
  ...TELLING_PROTOCOLS.map(protocol => applicationOfProtocol(protocol) ?? ''),
  ...Object.keys(REFINED),
])

describe('applications that policies can name', () => {
  // A rule about one that nothing recognises would be valid and never match.
  test.each(APPLICATIONS)('%s is recognised by something', name => expect(PRODUCED).toContain(name))

  test.each(Object.entries(REFINED))('%s is what a conversation turns out to be', (name, said) => {
    const conversation = new Identifier({ protocols: PROTOCOLS }).open('TCP')
    conversation.read('client', bytesOf(said))
    expect(conversation.application).toBe(name)
  })
})
