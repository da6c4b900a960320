import type { Certificate } from './certificate.ts'
import { type ClientHello, offersProtocols } from './client-hello.ts'

/*
 * Links of Tor, from version 3 of its link protocol on (tor-spec "Negotiating and initializing channels"; its source:
 * crypto_random_hostname, ciphers.inc, tortls_openssl.c). Names are random letters of base32.
 *   client hello: server name www.(4-25 letters).com; Firefox's suites in their order, asked for by OpenSSL, which adds
 *     the signal of RFC 5746; P-224 among its groups, as no browser has it; no ALPN
 *   certificate (to be read up to TLS 1.2): subject CN=www.(8-20 letters).net, issuer CN=www.(8-20 letters).com, and of
 *     version 2 .net too; no other names
 */
const ASKED = /^www\.[a-z2-7]{4,25}\.com$/
const SUBJECT = /^www\.[a-z2-7]{8,20}\.net$/
const ISSUER = /^www\.[a-z2-7]{8,20}\.(?:com|net)$/
const SUITES = [0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030, 0xc00a, 0xc009, 0xc013, 0xc014]
const RENEGOTIATION_SIGNAL = 0x00ff
const P224 = 21

const isOfTls13 = (suite: number): boolean => suite >> 8 === 0x13

/** Whether a hello is Tor's, by all of it: a name alone could be anyone's. */
export function isTorHello(hello: ClientHello): boolean {
  const { sni = '', ciphers, groups } = hello
  if (offersProtocols(hello) || !groups.includes(P224) || !ASKED.test(sni)) return false
  const suites = ciphers.filter(suite => !isOfTls13(suite))
  return SUITES.every((suite, i) => suites[i] === suite) && suites.at(-1) === RENEGOTIATION_SIGNAL
}

export function isTorCertificate({ issuer, subject, alternatives, isSparse }: Certificate): boolean {
  const isOne = issuer.length === 1 && subject.length === 1 && alternatives.length === 0
  return isOne && isSparse && ISSUER.test(issuer[0] ?? '') && SUBJECT.test(subject[0] ?? '')
}
