import { describe, expect, test } from 'vitest'
import { Identifier, PROTOCOLS, type Reading } from '../src/index.ts'
import { type Certificate, parseCertificate } from '../src/protocols/tls/certificate.ts'
import { type ClientHello, parseClientHello } from '../src/protocols/tls/client-hello.ts'
import { tls } from '../src/protocols/tls/tls.ts'
import { isTorCertificate, isTorHello } from '../src/protocols/tls/tor.ts'
import { readingsOf } from './conversation.ts'
import { hello, message, record, serverName, vector16 } from './hello.ts'
import { TOR_HELLO } from './tor-hello.ts'

const HELLO_OF_TOR = parseClientHello(TOR_HELLO.subarray(9), false)

/** The link certificate of a relay of the same version. */
const CERTIFICATE = `MIICOjCCAaOgAwIBAgIIF4klI9fZRr0wDQYJKoZIhvcNAQELBQAwHzEdMBsGA1UE
AwwUd3d3LmZwdXl1cmd0dHZ5Zi5jb20wHhcNMjYxMDI5MDAwMDAwWhcNMjcwOTEy
MjM1OTU5WjAcMRowGAYDVQQDDBF3d3cuNnliYXdlbXNkLm5ldDCCASIwDQYJKoZI
hvcNAQEBBQADggEPADCCAQoCggEBAMUjPWHRiH2jmNL8Ityq+ZiFNdjj2/FyYKD3
spDyRptI5caFCRF+PQ7CPdMbpmh+qhDROZQ469wyFdyDibP00k+DlV8f94mUhVFD
lKaOBztKwRQ2URST54LQzks5hL4B3SuxNoiouHUGLRC052SEAXxYZrgp1vW16TqW
ZtNgXxcgrpUBryCuXofWjomgkWnYObNM8Hm07plSBL1xnwri4aZaFfpYacIGNQPa
l9trGZo08TIKuw4TfCVGic1Z+/weUd/Eo033DgGCYZX1LWG51Y+hHZCMv8ttJIW6
yjimZpWfu8q2lzVBP/Uw3GPzdFjwn03ocBsfaQ5vLnGxWbPtT2MCAwEAATANBgkq
hkiG9w0BAQsFAAOBgQCUNfooPf/nkIbOIL9YzRVFbP1DbL+zxw6MslN3xSyK24PA
sMuepQF0n0rA3oPVJ8a76BXHWYOCFZP5nS09rwKsBgblTY6/U2DSNkBLryJ/q36x
SHuE36OPEB4vnk1jzlCyI8UbnASGLgzw/TD4b2NrBX3LDmVNvJKROvrHSVk9Yg==`
const ANSWER = message(2, `\x03\x03${'r'.repeat(32)}\0\xc0\x30\0`)

function answered(der: Uint8Array, asked: string): readonly Reading[] {
  const text = String.fromCharCode(...der)
  const list = `\0${vector16(`\0${vector16(text)}`)}`
  return readingsOf(tls, [
    ['client', record(22, message(1, hello(serverName(asked))))],
    ['server', record(22, ANSWER + message(11, list))],
  ])
}
const refined = (readings: readonly Reading[]) =>
  readings.flatMap(reading => (reading.kind === 'refined' ? [reading.evidence] : []))

describe('links of Tor', () => {
  test('a hello says it', () => {
    const conversation = new Identifier({ protocols: PROTOCOLS }).open('TCP')
    conversation.read('client', TOR_HELLO)
    expect(conversation.application).toBe('tor')
  })

  test('up to TLS 1.2 a certificate says it, whatever the hello was', () => {
    const der = Buffer.from(CERTIFICATE, 'base64')
    expect(refined(answered(der, 'shop.example'))).toEqual(['certificate of Tor'])
    expect(refined(answered(der.with(der.indexOf('www.') + 4, 0x38), 'shop.example'))).toEqual([])
  })

  test('a shop with an organisation in its certificate is none', () => {
    const der = (tag: number, ...parts: readonly Uint8Array[]) => {
      const value = Buffer.concat(parts)
      return Buffer.concat([Uint8Array.of(tag, 0x81, value.length), value])
    }
    const attribute = (kind: number, text: string) =>
      der(0x31, der(0x30, Uint8Array.of(6, 3, 0x55, 4, kind), der(0x0c, Buffer.from(text))))
    const [common, organisation] = [3, 10]
    const certificate = (...about: readonly Uint8Array[]) => {
      const [serial, empty] = [der(2, Uint8Array.of(1)), der(0x30)]
      const issuer = der(0x30, attribute(common, 'www.storeshop.com'))
      return der(0x30, der(0x30, serial, empty, issuer, empty, der(0x30, ...about), empty))
    }
    const name = attribute(common, 'www.storeshop.net')
    expect(isTorCertificate(parseCertificate(certificate(name)))).toBe(true)
    expect(isTorCertificate(parseCertificate(certificate(attribute(organisation, 'Store'), name)))).toBe(
      false,
    )
  })

  test.each<[string, Partial<ClientHello>, boolean]>([
    ['as Tor says it', {}, true],
    ['any name of its form', { sni: 'www.abcd.com' }, true],
    ['no name', { sni: '' }, false],
    ['a name with letters that base32 has not', { sni: 'www.example1.com' }, false],
    ['a name that is too short', { sni: 'www.abc.com' }, false],
    ['another domain', { sni: 'www.abcdefgh.net' }, false],
    ['protocols are offered', { extensions: [...HELLO_OF_TOR.extensions, 16] }, false],
    ['groups as browsers have them', { groups: [29, 23, 24] }, false],
    ['suites as OpenSSL has them', { ciphers: [0x1302, 0xc02c, 0xc030, 0xc02b, 0xc02f, 0xff] }, false],
    ['suites as Firefox has them', { ciphers: HELLO_OF_TOR.ciphers.slice(0, -1) }, false],
    ['suites without those of TLS 1.3', { ciphers: HELLO_OF_TOR.ciphers.slice(3) }, true],
    ['no suites', { ciphers: [] }, false],
  ])('hello: %s', (_, change, is) => expect(isTorHello({ ...HELLO_OF_TOR, ...change })).toBe(is))

  const [issuer, subject] = [['www.kyq5r33y7s5bb36ctt.com'], ['www.i3bq7tyc2tlib5.net']]
  test.each<[string, Partial<Certificate>, boolean]>([
    ['as relays make it', {}, true],
    ['as older relays make it', { issuer: ['www.kyq5r33y7s5bb36ctt.net'] }, true],
    ['made by itself', { issuer: subject, subject: issuer }, false],
    ['with other names', { alternatives: ['a.example'] }, false],
    ['of an authority', { issuer: ['Test CA'] }, false],
    ['that names an organisation', { isSparse: false }, false],
    ['about nobody', { subject: [] }, false],
    ['about two', { subject: [...subject, ...subject] }, false],
    ['a short name', { subject: ['www.abcdefg.net'] }, false],
  ])('certificate: %s', (_, change, is) =>
    expect(isTorCertificate({ issuer, subject, alternatives: [], isSparse: true, ...change })).toBe(is),
  )
})
