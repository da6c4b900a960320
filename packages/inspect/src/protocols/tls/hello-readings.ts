import { latin1 } from '../../ascii.ts'
import { detail, type Reading } from '../../reading.ts'
import { type ClientHello, hidesAnother, isGrease } from './client-hello.ts'
import { type Ja4Transport, ja4 } from './ja4.ts'

/** What a client hello tells, over TCP, in datagrams or inside QUIC. */
export function helloReadings(hello: ClientHello, transport: Ja4Transport): readonly Reading[] {
  const alpn = hello.alpn
    .filter(name => name.length !== 2 || !isGrease(((name[0] ?? 0) << 8) | (name[1] ?? 0)))
    .map(name => latin1(name))
  return [
    detail('ja4', ja4(hello, transport)),
    ...(alpn.length > 0 ? [detail('alpn', alpn.join(' '))] : []),
    ...(hidesAnother(hello) ? [detail('ech', hello.sni ?? '')] : []),
    // RFC 7858 with the name that RFC 8310 registered: nothing else is offered beside it.
    ...(alpn.length === 1 && alpn[0] === 'dot' ? [DNS_OVER_TLS] : []),
    { kind: 'request', request: { kind: 'tls', ...(hello.sni !== undefined && { sni: hello.sni }) } },
  ]
}

const DNS_OVER_TLS: Reading = { kind: 'refined', application: 'dot', evidence: 'ALPN "dot"' }
