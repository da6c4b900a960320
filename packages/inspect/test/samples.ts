import type { Transport } from '@sekisho/core'
import type { Protocol, Side } from '../src/index.ts'
import { cassandra } from '../src/protocols/cassandra/cassandra.ts'
import { dns } from '../src/protocols/dns/dns.ts'
import { dtls } from '../src/protocols/dtls/dtls.ts'
import { ftp } from '../src/protocols/ftp/ftp.ts'
import { http } from '../src/protocols/http/http.ts'
import { imap } from '../src/protocols/imap/imap.ts'
import { kafka } from '../src/protocols/kafka/kafka.ts'
import { llmnr } from '../src/protocols/llmnr/llmnr.ts'
import { mdns } from '../src/protocols/mdns/mdns.ts'
import { mongodb } from '../src/protocols/mongodb/mongodb.ts'
import { mysql } from '../src/protocols/mysql/mysql.ts'
import { pop3 } from '../src/protocols/pop3/pop3.ts'
import { postgresql } from '../src/protocols/postgresql/postgresql.ts'
import { quic } from '../src/protocols/quic/quic.ts'
import { redis } from '../src/protocols/redis/redis.ts'
import { smtp } from '../src/protocols/smtp/smtp.ts'
import { sqlserver } from '../src/protocols/sqlserver/sqlserver.ts'
import { ssh } from '../src/protocols/ssh/ssh.ts'
import { tls } from '../src/protocols/tls/tls.ts'
import { websocket } from '../src/protocols/websocket/websocket.ts'
import type { Said } from './conversation.ts'
import { extension, hello, message, record, serverName, u16, vector16 } from './hello.ts'
import { crypto, HELLO, initial } from './quic-initial.ts'

/** A short conversation of a protocol that has a reader, right from its first to its last byte. */
export interface Sample {
  readonly name: string
  readonly protocol: Protocol
  readonly transport: Transport
  readonly said: readonly (readonly [Side, Said])[]
}

const FRAMES = [
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\0\0\0\x04\0\0\0\0\0',
  '\0\0\x12\x01\x05\0\0\0\x01\x82\x04\x04/a/b\x86\x41\x01h\x40\x01a\x03bcd',
  '\0\0\x04\0\x01\0\0\0\x01data',
  '\0\0\x05\x01\x05\0\0\0\x03\x82\x84\x86\xbf\xbe',
].join('')
const REQUESTS = [
  'GET /shop/items?id=1 HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /',
  'POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nGET /\r\n0\r\nTrailer: 1\r\n\r\n',
  'GET http://h/c HTTP/1.1\r\nHost: h\r\n\r\n',
].join('')
const ANSWERS = [
  'HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 2\r\n\r\nhi',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
].join('')
const QUESTION = '\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\x01\0\x01'
const ANSWER = `\0\x07\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x07example\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01`
const SERVER_HELLO = record(
  22,
  message(2, `\x03\x03${'r'.repeat(32)}\0\x13\x01\0${vector16(extension(43, '\x03\x04'))}`),
)

const INSERT = [
  '\x3f\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0',
  '\0\x1e\0\0\0\x02insert\0\x02\0\0\0a\0\x02$db\0\x02\0\0\0b\0\0',
  '\x01\x0b\0\0\0docs\0\0\0',
].join('')
const PRODUCE =
  '\0\0\0\x26\0\0\0\x02\0\0\0\x07\0\x01c\0\x01\0\0\0\0\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\0\0\0\x02rr'
const METADATA = '\0\0\0\x13\0\x03\0\x09\0\0\0\x08\0\x01c\0\x02\x02t\0\0\0\0'
const BATCH = '\x01\x01\0\x26\0\0\0\0s\0e\0l\0e\0c\0t\0 \x001\0 \0f\0r\0o\0m\0 \0a\0'
const QUERY = '\x04\0\0\0\x07\0\0\0\x14\0\0\0\x0dselect * fr a\0\x01\0'

const GRPC = [
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
  '\0\0\x2a\x01\x05\0\0\0\x01\x83\x86\x41\x01h\x04\x04/s/m\x40\x0ccontent-type\x10application/grpc',
].join('')
const NEIGHBOUR = '\x01a\x05local\0\0\x01\0\x01'
const HELLO_DATAGRAM = `\x16\xfe\xff\0\0\0\0\0\0\0\0${vector16(
  `\x01\0${u16(dtlsHello().length)}\0\0\0\0\0\0${u16(dtlsHello().length)}${dtlsHello()}`,
)}`

/** As over TLS, with an empty cookie. */
function dtlsHello(): string {
  return `\xfe\xfd${'r'.repeat(32)}\0\0${vector16('\xc0\x2b')}\x01\0${vector16(serverName('a.example'))}`
}

const be32 = (value: number): string => `${u16(value >>> 16)}${u16(value & 0xffff)}`
const postgres = (type: string, body: string): string => type + be32(4 + body.length) + body
const STARTUP = 'user\0api\0database\0shop\0application_name\0psql\0\0'
const PREPARED =
  postgres('P', 'p1\0insert into carts values ($1)\0\0\0') + postgres('B', 'x') + postgres('E', 'y')
const mysqlPacket = (number: number, payload: string): string =>
  `${String.fromCharCode(payload.length & 255, payload.length >> 8, 0, number)}${payload}`
const GREETING = mysqlPacket(0, `\n8.0.36\0${'x'.repeat(60)}`)
const LOGIN = mysqlPacket(1, `\x08\x82\x08\0\0\0\0\x01\x21${'\0'.repeat(23)}api\0\x03abcshop\0`)
const redisCommand = (...words: readonly string[]): string =>
  `*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`

/** At least one of every protocol that has a reader. */
export const SAMPLES: readonly Sample[] = [
  tcp('HTTP/1', http, ['client', REQUESTS], ['server', ANSWERS]),
  tcp('HTTP/2', http, ['client', FRAMES]),
  tcp('gRPC', http, ['client', GRPC]),
  tcp(
    'TLS',
    tls,
    ['client', record(22, message(1, hello(serverName('a.example'))))],
    ['server', SERVER_HELLO],
  ),
  tcp('DNS', dns, ['client', vector16(QUESTION)], ['server', vector16(ANSWER)]),
  tcp('MongoDB', mongodb, ['client', INSERT + INSERT]),
  tcp('Kafka', kafka, ['client', PRODUCE + METADATA]),
  tcp('SQL Server', sqlserver, ['client', BATCH + BATCH]),
  tcp('Cassandra', cassandra, ['client', QUERY + QUERY]),
  tcp(
    'PostgreSQL',
    postgresql,
    ['client', be32(8 + STARTUP.length) + be32(0x30000) + STARTUP],
    ['server', postgres('R', be32(0)) + postgres('S', 'server_version\x0015.6\0') + postgres('Z', 'I')],
    ['client', postgres('Q', "select * from orders where n = 'it''s'; delete from carts\0") + PREPARED],
    ['server', postgres('T', 'anything') + postgres('D', 'rows')],
    ['client', postgres('F', be32(7)) + postgres('d', 'copied') + postgres('X', '')],
  ),
  tcp(
    'MySQL',
    mysql,
    ['server', GREETING],
    ['client', LOGIN],
    ['server', mysqlPacket(2, '\0\0\0\x02\0\0\0')],
    [
      'client',
      mysqlPacket(0, '\x03select * from orders /*!50000 join carts */') + mysqlPacket(0, '\x02stock'),
    ],
    ['client', mysqlPacket(0, '\x16update items set n = ?') + mysqlPacket(0, '\x17\x01\0\0\0')],
    ['client', mysqlPacket(0, '\x03delete from `a b`') + mysqlPacket(0, '\x01')],
  ),
  tcp(
    'Redis',
    redis,
    ['client', redisCommand('SET', 'a', 'x\r\ny') + redisCommand('MGET', 'a', 'b')],
    ['server', '+OK\r\n*2\r\n$1\r\n1\r\n$-1\r\n'],
    ['client', `PING\r\n${redisCommand('EVAL', 's', '1', 'k', 'v')}`],
  ),
  tcp(
    'WebSocket',
    websocket,
    ['server', '\x81\x02hi'],
    ['client', '\x82\xfe\x01\x00abcd'],
    ['client', 'anything'],
  ),
  tcp(
    'SMTP',
    smtp,
    ['server', '220 mx.example ESMTP\r\n'],
    ['client', 'EHLO shop\r\nMAIL FROM:<a@b>\r\n'],
    ['server', '250-mx\r\n250 STARTTLS\r\n250 ok\r\n'],
    ['client', 'STARTTLS\r\n'],
    ['server', '220 go\r\n'],
  ),
  tcp(
    'IMAP',
    imap,
    ['server', '* OK ready\r\n'],
    ['client', 'a1 LOGIN shop secret\r\na2 STARTTLS\r\n'],
    ['server', 'a1 NO no\r\na2 OK go\r\n'],
  ),
  tcp(
    'POP3',
    pop3,
    ['server', '+OK ready\r\n'],
    ['client', 'USER shop\r\nSTLS\r\n'],
    ['server', '+OK\r\n+OK go\r\n'],
  ),
  tcp(
    'FTP',
    ftp,
    ['server', '220-hello\r\n220 ready\r\n'],
    ['client', 'USER shop\r\nPASS secret\r\n'],
    ['server', '331 password\r\n530 no\r\n'],
    ['client', 'AUTH TLS\r\n'],
    ['server', '234 go\r\n'],
  ),
  tcp(
    'SSH',
    ssh,
    ['client', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['server', 'SSH-2.0-OpenSSH_9.2p1 Debian\r\nbinary'],
    ['client', 'binary'],
  ),
  udp('DNS in datagrams', dns, ['client', QUESTION], ['server', ANSWER]),
  udp('mDNS', mdns, ['client', `\0\0\0\0\0\x01\0\0\0\0\0\0${NEIGHBOUR}`]),
  udp('LLMNR', llmnr, ['client', '\0\x07\0\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01']),
  udp('DTLS', dtls, ['client', HELLO_DATAGRAM]),
  udp('QUIC', quic, ['client', initial({ frames: crypto(0, HELLO) })]),
]

function tcp(name: string, protocol: Protocol, ...said: Sample['said'][number][]): Sample {
  return { name, protocol, transport: 'TCP', said }
}
function udp(name: string, protocol: Protocol, ...said: Sample['said'][number][]): Sample {
  return { name, protocol, transport: 'UDP', said }
}
