import { LIMITS, Malformed, Reader } from '@sekisho/core'
import { type BoldReader, guarded } from '../../guarded.ts'
import {
  certain,
  likely,
  MORE,
  NO,
  type Opening,
  type Protocol,
  type Recognition,
  type Side,
} from '../../protocol.ts'
import { detail, type Reading } from '../../reading.ts'
import { type Certificate, certificateNames, parseCertificate } from './certificate.ts'
import { type ClientHello, parseClientHello } from './client-hello.ts'
import { helloReadings } from './hello-readings.ts'
import { type HandshakeMessage, HandshakeMessages, RECORD, Records, type TlsRecord } from './records.ts'
import { cipherName, isTls13, parseServerHello, versionName } from './server-hello.ts'
import { isTorCertificate, isTorHello } from './tor.ts'
import { isVersion2Hello } from './version2.ts'

/*
 * TLS (RFC 8446, RFC 5246) up to where it is encrypted: the client's hello, the server's, and, up to TLS 1.2, the
 * server's certificate.
 */
export const MESSAGE = { clientHello: 1, serverHello: 2, certificate: 11, serverHelloDone: 14 } as const
/** What a flow record holds of a certificate's names. */
const NAMES_CHARACTERS = 256

function recognise({ client, server }: Opening): Recognition {
  const asked = ofSide(client, MESSAGE.clientHello, 'client hello')
  if (asked.kind === 'certain') return asked
  const answered = ofSide(server, MESSAGE.serverHello, 'server hello')
  if (answered.kind === 'certain') return answered
  if (asked.kind === 'no' || answered.kind === 'no') return NO
  return asked.kind === 'likely' ? asked : answered
}

/** Record header, then the type of the handshake message and the high byte of its length, which is never set. */
function ofSide(bytes: Uint8Array, message: number, name: string): Recognition {
  if (message === MESSAGE.clientHello && isVersion2Hello(bytes)) return certain('client hello of SSL 2')
  const [type, major, minor, high = 0, low = 0, first, length] = bytes
  if (type === undefined) return MORE
  if (type < RECORD.changeCipher || type > RECORD.applicationData) return NO
  if ((major ?? 3) !== 3 || (minor ?? 0) > 4 || (high << 8) + low > 18_432) return NO
  if (type !== RECORD.handshake) return bytes.length < 5 ? MORE : likely('record of TLS')
  if ((first ?? message) !== message || (length ?? 0) !== 0) return NO
  return length === undefined ? MORE : certain(name)
}

class TlsReader implements BoldReader {
  readonly #records = { client: new Records(), server: new Records() }
  readonly #messages = {
    client: new HandshakeMessages(LIMITS.tlsHelloBytes.value),
    server: new HandshakeMessages(LIMITS.tlsHelloBytes.value),
  }
  #hellos = 0
  #hellosAsked = 1
  #sni: string | undefined
  #opaque = false
  /** The client goes on encrypted, up to TLS 1.2; what it says then looks like handshake and is none. */
  #changed = false
  #isTor = false

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    if (side === 'client' && this.#hellos === 0 && isVersion2Hello(bytes)) {
      found.push(detail('protocol-version', 'SSL 2.0'), { kind: 'request', request: { kind: 'tls' } })
      found.push({ kind: 'opaque' })
      return
    }
    const records = this.#records[side]
    records.push(bytes)
    for (let record = records.next(); record; record = records.next()) {
      this.#record(side, record, found)
      if (!this.#opaque) continue
      found.push({ kind: 'opaque' })
      return
    }
    records.keep()
  }

  #record(side: Side, { type, fragment }: TlsRecord, found: Reading[]): void {
    if (type !== RECORD.handshake) {
      if (side === 'client') this.#afterClient(type)
      else this.#afterServer(type, fragment, found)
    } else if (side === 'server' || !this.#changed) this.#handshake(side, fragment, found)
  }

  #afterClient(type: number): void {
    if (this.#hellos === 0) this.#begunLater(type)
    // Before a second hello it changes nothing: it is there for the eyes of old middleboxes (RFC 8446 appendix D.4).
    else if (type === RECORD.changeCipher && this.#hellos === this.#hellosAsked) this.#changed = true
  }

  #afterServer(type: number, fragment: Uint8Array, found: Reading[]): void {
    const [, alert] = fragment
    if (type === RECORD.alert && fragment.length === 2) found.push(detail('status', `alert ${alert}`))
    // After a hello that asks for another one the server may already say that it will change its cipher.
    if (type !== RECORD.changeCipher || this.#hellosAsked === 1) this.#opaque = true
  }

  /** A connection that is seen only from its middle has nothing that could be read. */
  #begunLater(type: number): void {
    if (type !== RECORD.applicationData) throw new Malformed('record before the client hello', 0)
    this.#opaque = true
  }

  #handshake(side: Side, fragment: Uint8Array, found: Reading[]): void {
    const messages = this.#messages[side]
    messages.push(fragment)
    for (let message = messages.next(); message && !this.#opaque; message = messages.next()) {
      if (side === 'client') this.#ofClient(message, found)
      else this.#ofServer(message, found)
    }
    messages.keep()
  }

  #ofClient({ type, body }: HandshakeMessage, found: Reading[]): void {
    if (type !== MESSAGE.clientHello) {
      if (this.#hellos === 0) throw new Malformed('handshake without a client hello', 0)
      return
    }
    const hello = parseClientHello(body, false)
    if (++this.#hellos > this.#hellosAsked) throw new Malformed('client hello that nobody asked for', 0)
    // RFC 8446 section 4.1.2: the second hello is the first one but for what was asked.
    if (this.#hellos > 1 && hello.sni !== this.#sni) throw new Malformed('server name changed', 0)
    if (this.#hellos === 1) this.#firstHello(hello, found)
    this.#sni = hello.sni
  }

  #firstHello(hello: ClientHello, found: Reading[]): void {
    if (isTorHello(hello)) this.#tor('client hello of Tor', found)
    found.push(...helloReadings(hello, 't'))
  }

  #certificate(certificate: Certificate | undefined, found: Reading[]): void {
    if (!certificate) return
    if (!this.#isTor && isTorCertificate(certificate)) this.#tor('certificate of Tor', found)
    found.push(...namesReading(certificate))
  }

  #tor(evidence: string, found: Reading[]): void {
    this.#isTor = true
    found.push({ kind: 'refined', application: 'tor', evidence })
  }

  #ofServer({ type, body }: HandshakeMessage, found: Reading[]): void {
    switch (type) {
      case MESSAGE.serverHello:
        this.#serverHello(body, found)
        break
      case MESSAGE.certificate:
        this.#certificate(leaf(body), found)
        this.#opaque = true
        break
      case MESSAGE.serverHelloDone:
        this.#opaque = true
        break
      default: // Of no interest, and the certificate may still come.
    }
  }

  #serverHello(body: Uint8Array, found: Reading[]): void {
    const { version, cipher, retry } = parseServerHello(body)
    if (retry) {
      this.#hellosAsked = 2
      return
    }
    found.push(detail('protocol-version', versionName(version)), detail('cipher', cipherName(cipher)))
    this.#opaque = isTls13(version)
  }
}

/** RFC 5246 section 7.4.2: <certificates>24, each <certificate>24, that of the server first. */
function leaf(body: Uint8Array): Certificate | undefined {
  const reader = new Reader(body)
  const list = reader.sub(length24(reader))
  return list.left === 0 ? undefined : parseCertificate(list.bytes(length24(list)))
}
const length24 = (reader: Reader): number => (reader.u8() << 16) | reader.u16be()

function namesReading(certificate: Certificate): readonly Reading[] {
  let value = ''
  for (const name of certificateNames(certificate)) {
    if (value.length + name.length >= NAMES_CHARACTERS) break
    value += value === '' ? name : ` ${name}`
  }
  return value === '' ? [] : [detail('certificate-names', value)]
}

export const tls: Protocol = {
  application: 'tls',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new TlsReader()),
}
