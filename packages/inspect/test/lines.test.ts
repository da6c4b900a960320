import { describe, expect, test } from 'vitest'
import type { Protocol, Side } from '../src/index.ts'
import { amqp } from '../src/protocols/amqp/amqp.ts'
import { ftp } from '../src/protocols/ftp/ftp.ts'
import { imap } from '../src/protocols/imap/imap.ts'
import { memcached } from '../src/protocols/memcached/memcached.ts'
import { mqtt } from '../src/protocols/mqtt/mqtt.ts'
import { nats } from '../src/protocols/nats/nats.ts'
import { pop3 } from '../src/protocols/pop3/pop3.ts'
import { rtsp } from '../src/protocols/rtsp/rtsp.ts'
import { sip } from '../src/protocols/sip/sip.ts'
import { smtp } from '../src/protocols/smtp/smtp.ts'
import { telnet } from '../src/protocols/telnet/telnet.ts'
import { opening, readingsOf } from './conversation.ts'

const CONNECT = '\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a'
const UDP = '\0\x01\0\0\0\x01\0\0'
const BINARY = `\x80\0\0\x03${'\0'.repeat(4)}\0\0\0\x03${'\0'.repeat(12)}key`

test.each<[Protocol, client: string, server: string, kind: string]>([
  [ftp, '', '220 (vsFTPd 3.0.5)\r\n', 'certain'],
  [ftp, '', '220 ready\r\n', 'likely'],
  [ftp, 'USER shop\r\n', '220 ready\r\n', 'certain'],
  [ftp, 'EHLO shop\r\n', '220 ready\r\n', 'no'],
  [ftp, '', '220 mail ESMTP\r\n', 'no'],
  [ftp, 'PASV\r\n', '', 'more'],
  [ftp, 'PASV\r\n', '227 Entering Passive Mode\r\n', 'likely'],
  [ftp, 'PASV\r\n', '22', 'more'],
  [ftp, 'PASV\r\n', '+OK\r\n', 'no'],
  [smtp, '', '220 mail ESMTP\r\n', 'certain'],
  [smtp, '', '220 ready\r\n', 'likely'],
  [smtp, 'EHLO shop\r\n', '220 ready\r\n', 'certain'],
  [smtp, '', '220 FTP ready\r\n', 'no'],
  [smtp, '', '22', 'more'],
  [pop3, '', '+OK POP3 ready\r\n', 'certain'],
  [pop3, 'CAPA\r\n', '+OK ready\r\n', 'certain'],
  [pop3, '', '+OK\r\n', 'likely'],
  [pop3, 'PING\r\n', '+PONG\r\n', 'no'],
  [imap, '', '* OK [CAPABILITY IMAP4rev1] ready\r\n', 'certain'],
  [imap, '', '* ', 'more'],
  [imap, '', '+OK\r\n', 'no'],
  [nats, '', 'INFO {"server_id":"a"}\r\n', 'certain'],
  [nats, '', 'INFO', 'more'],
  [nats, 'INFO {"', '', 'no'],
  [amqp, 'AMQP\0\0\x09\x01', '', 'certain'],
  [amqp, 'AMQP\x03\x01\0\0', '', 'certain'],
  [amqp, 'AMQ', '', 'more'],
  [amqp, 'AMQP\x09\x09\x09\x09', '', 'no'],
  [mqtt, CONNECT, '', 'certain'],
  [mqtt, CONNECT.slice(0, 5), '', 'more'],
  [mqtt, '\xc0\0', '\xd0\0', 'likely'],
  [mqtt, '\xc0\0', 'HTTP/1.1', 'no'],
  [mqtt, 'GET /', '', 'no'],
  [memcached, 'get a b\r\n', '', 'likely'],
  [memcached, 'get a\r\n', 'END\r\n', 'certain'],
  [memcached, 'get a', '', 'more'],
  [memcached, 'get a\r\n', 'HTTP/1.1', 'no'],
  [memcached, BINARY, '', 'certain'],
  [memcached, 'GET / HTTP/1.1\r\n', '', 'no'],
  [telnet, '', '\xff\xfd\x18\xff\xfd\x20', 'certain'],
  [telnet, '', '\xff\xfd\x18', 'likely'],
  [telnet, '', '\xff\xff\x18', 'no'],
  [sip, 'OPTIONS sip:a@b SIP/2.0\r\n', '', 'certain'],
  [sip, 'OPTIONS sip:a', '', 'more'],
  [sip, 'OPTIONS / HTTP/1.1\r\n', '', 'no'],
  [rtsp, 'DESCRIBE rtsp://a/b RTSP/1.0\r\n', '', 'certain'],
  [rtsp, 'DESCRIBE rtsp', '', 'more'],
  [rtsp, 'OPTIONS / HTTP/1.1\r\n', '', 'no'],
])('$application: %#', (protocol, client, server, kind) => {
  expect(protocol.recognise(opening({ client, server }))).toMatchObject({ kind })
})

test('memcached over UDP stands behind a header', () => {
  const asked = (client: string) => memcached.recognise(opening({ client, transport: 'UDP' })).kind
  expect([asked(`${UDP}get a\r\n`), asked('get a\r\n')]).toEqual(['likely', 'no'])
})

describe('commands on lines', () => {
  const told = (protocol: Protocol, chunks: readonly (readonly [Side, string])[]) =>
    readingsOf(protocol, chunks).map(reading => {
      if (reading.kind === 'detail') return `${reading.detail}=${reading.value}`
      return reading.kind === 'becomes'
        ? `becomes ${reading.application} ${reading.rest.length}`
        : reading.kind
    })

  test('FTP: commands without arguments, the user, refusals', () => {
    const chunks = [
      ['server', '220 ready\r\n'],
      ['client', 'USER sh'],
      ['client', 'op\r\nPASS secret\r\n'],
      ['server', '331 password\r\n530 no\r\n'],
    ] as const
    expect(told(ftp, chunks)).toEqual([
      'server-software=ready',
      'command=USER',
      'user=shop',
      'command=PASS',
      'status=530',
    ])
  })

  test.each<[Protocol, asks: string, agrees: string, refuses: string]>([
    [ftp, 'AUTH TLS\r\n', '234 go\r\n', '502 no\r\n'],
    [smtp, 'STARTTLS\r\n', '220 go\r\n', '454 no\r\n'],
    [pop3, 'STLS\r\n', '+OK go\r\n', '-ERR no\r\n'],
    [imap, 'a1 STARTTLS\r\n', 'a1 OK go\r\n', 'a1 NO no\r\n'],
  ])('$application goes over to TLS when the server agrees', (protocol, asks, agrees, refuses) => {
    const begun = told(protocol, [
      ['client', asks],
      ['server', `${agrees}xyz`],
    ])
    expect(begun.slice(-2)).toEqual(['encrypted=TLS', 'becomes tls 3'])
    const refused = told(protocol, [
      ['client', asks],
      ['server', refuses],
      ['client', asks],
      ['server', agrees],
    ])
    expect(refused.filter(text => text.startsWith('becomes'))).toHaveLength(1)
  })

  test('the text of a mail is not read', () => {
    const chunks = [
      ['client', 'EHLO shop\r\nMAIL FROM:<a@b>\r\nDATA\r\nSTARTTLS\r\n'],
      ['server', '220 go\r\n'],
    ] as const
    expect(told(smtp, chunks)).toEqual([
      'command=EHLO',
      'client-software=shop',
      'command=MAIL',
      'command=DATA',
      'opaque',
    ])
  })

  test('a line without an end is not kept for ever', () => {
    expect(told(ftp, [['client', 'x'.repeat(10_000)]])).toEqual(['unreadable'])
  })
})
