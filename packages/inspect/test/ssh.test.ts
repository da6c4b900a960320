import { describe, expect, test } from 'vitest'
import { ssh } from '../src/protocols/ssh/ssh.ts'
import { opening, readingsOf } from './conversation.ts'

describe('ssh', () => {
  test.each([
    ['both greet', 'SSH-2.0-OpenSSH_9.2', 'SSH-2.0-OpenSSH_9.2p1', 'certain'],
    ['only the server', '', 'SSH-2.0-dropbear', 'certain'],
    ['too few bytes', 'SS', '', 'more'],
    ['silence', '', '', 'more'],
    ['another protocol', 'GET / HTTP/1.1', '', 'no'],
    ['an answer of another protocol', 'SSH-2.0-x', 'HTTP/1.1 400', 'no'],
  ])('%s', (_, client, server, kind) => {
    expect(ssh.recognise(opening({ client, server }))).toMatchObject({ kind })
  })

  test('both identifications are read, in any pieces, then nothing more', () => {
    const said = [
      ['client', 'SSH-2.0-Open'],
      ['server', 'SSH-2.0-OpenSSH_9.2p1 Debian\r\nbinary'],
      ['client', 'SSH_9.6\r\n'],
      ['client', 'binary'],
    ] as const
    expect(readingsOf(ssh, said)).toEqual([
      { kind: 'detail', detail: 'server-software', value: 'OpenSSH_9.2p1 Debian' },
      { kind: 'detail', detail: 'protocol-version', value: '2.0' },
      { kind: 'detail', detail: 'client-software', value: 'OpenSSH_9.6' },
      { kind: 'opaque' },
    ])
  })

  test('a line without an end is not kept for ever', () => {
    expect(readingsOf(ssh, [['client', `SSH-2.0-${'x'.repeat(300)}`]])).toMatchObject([
      { kind: 'unreadable' },
    ])
  })
})
