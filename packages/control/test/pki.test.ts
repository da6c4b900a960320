import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tls from 'node:tls'
import type { EpochMs } from '@sekisho/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openAuthority } from '../src/pki/authority.ts'
import { issueCertificate } from '../src/pki/certificate.ts'
import * as der from '../src/pki/der.ts'

const clock = { now: () => Date.now() as EpochMs }
const newPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = (key: ReturnType<typeof newPair>['publicKey']) =>
  key.export({ type: 'spki', format: 'pem' }).toString()

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sekisho-pki-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

describe('DER', () => {
  test.each<[string, Buffer, string]>([
    ['a small integer', der.integer(Buffer.of(5)), '020105'],
    ['zero', der.integer(Buffer.of(0, 0)), '020100'],
    ['an integer with its top bit set stays positive', der.integer(Buffer.of(0x80)), '02020080'],
    ['leading zeros go', der.integer(Buffer.of(0, 0, 1)), '020101'],
    ['an object identifier', der.oid('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
    ['a time before 2050', der.time(Date.UTC(2049, 11, 31, 23, 59, 59)), '170d3439313233313233353935395a'],
    ['a time from 2050', der.time(Date.UTC(2050, 0, 1)), '180f32303530303130313030303030305a'],
    ['true', der.TRUE, '0101ff'],
  ])('%s', (_name, bytes, hex) => expect(bytes.toString('hex')).toBe(hex))

  test.each([
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65_536, '0483010000'],
  ])('a length of %i', (length, head) => {
    expect(
      der
        .octetString(Buffer.alloc(length))
        .subarray(0, head.length / 2)
        .toString('hex'),
    ).toBe(head)
  })
})

describe('the authority', () => {
  test('is made once, with its key readable by its owner only, and read again afterwards', () => {
    const first = openAuthority(directory, clock)
    expect(openAuthority(directory, clock).fingerprint).toBe(first.fingerprint)
    expect(readdirSync(directory).toSorted()).toEqual(['ca.key', 'ca.pem'])
    expect(statSync(join(directory, 'ca.key')).mode & 0o777).toBe(0o600)
    const root = new X509Certificate(first.certificate)
    expect([root.ca, root.verify(root.publicKey), root.subject]).toEqual([true, true, 'CN=Sekisho CA'])
    expect(root.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(first.fingerprint)
  })

  test('a first start that was killed between the two files goes on with its key', () => {
    const first = openAuthority(directory, clock)
    rmSync(join(directory, 'ca.pem'))
    const second = openAuthority(directory, clock)
    expect(
      new X509Certificate(second.certificate).publicKey.equals(
        new X509Certificate(first.certificate).publicKey,
      ),
    ).toBe(true)
  })

  test('a certificate that belongs to another key is refused', () => {
    openAuthority(directory, clock)
    writeFileSync(join(directory, 'ca.key'), newPair().privateKey.export({ type: 'pkcs8', format: 'pem' }))
    expect(() => openAuthority(directory, clock)).toThrow('does not belong')
  })

  test('the server’s certificate names its hosts and nothing else', () => {
    const leaf = new X509Certificate(
      openAuthority(directory, clock).issueServer(['localhost', '127.0.0.1', '::1', 'gate.example']).cert,
    )
    expect(leaf.subjectAltName).toBe(
      'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:gate.example',
    )
    expect([
      leaf.checkHost('gate.example'),
      leaf.checkIP('127.0.0.1'),
      leaf.checkHost('other.example'),
    ]).toEqual(['gate.example', '127.0.0.1', undefined])
    expect([leaf.ca, leaf.keyUsage]).toEqual([false, ['1.3.6.1.5.5.7.3.1']])
  })

  test('an agent’s certificate carries its node and may only be a client', () => {
    const { publicKey } = newPair()
    const authority = openAuthority(directory, clock)
    const leaf = new X509Certificate(authority.issueAgent('node-1', pem(publicKey)))
    expect([leaf.subject, leaf.ca, leaf.keyUsage]).toEqual(['CN=node-1', false, ['1.3.6.1.5.5.7.3.2']])
    expect(leaf.publicKey.equals(publicKey)).toBe(true)
    expect(leaf.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true)
  })

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  test.each([
    ['no key', 'hello'],
    ['RSA', pem(rsa.publicKey)],
    ['another curve', pem(p384.publicKey)],
    ['a private key', newPair().privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
  ])('no certificate for %s', (_name, key) => {
    const authority = openAuthority(directory, clock)
    expect(() => authority.issueAgent('node-1', key)).toThrow(
      expect.objectContaining({ code: 'bad-request' }),
    )
  })

  test('openssl verifies each for its purpose and no other', () => {
    const authority = openAuthority(directory, clock)
    writeFileSync(join(directory, 'server.pem'), authority.issueServer(['localhost', '127.0.0.1']).cert)
    writeFileSync(join(directory, 'agent.pem'), authority.issueAgent('node-1', pem(newPair().publicKey)))
    const verify = (file: string, purpose: string) =>
      execFileSync(
        'openssl',
        ['verify', '-x509_strict', '-check_ss_sig', '-CAfile', 'ca.pem', '-purpose', purpose, file],
        { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
      ).trim()
    expect(verify('server.pem', 'sslserver')).toBe('server.pem: OK')
    expect(verify('agent.pem', 'sslclient')).toBe('agent.pem: OK')
    expect(() => verify('server.pem', 'sslclient')).toThrow('unsuitable certificate purpose')
    expect(() => verify('agent.pem', 'sslserver')).toThrow('unsuitable certificate purpose')
  })
})

describe('TLS with these certificates', () => {
  test('both sides are known to each other; an expired client and one of another authority are not', async () => {
    const authority = openAuthority(directory, clock)
    const other = openAuthority(join(directory, 'other'), clock)
    const good = newPair()
    const daysAgo = (days: number) => (Date.now() - days * 86_400_000) as EpochMs
    const old = openAuthority(directory, { now: () => daysAgo(200) })
    const key = (pair: typeof good) => pair.privateKey.export({ type: 'pkcs8', format: 'pem' })
    const rootKey = { commonName: 'Sekisho CA', privateKey: newPair().privateKey }
    const forged = issueCertificate(
      {
        use: 'client',
        commonName: 'node-1',
        publicKey: createPublicKey(pem(good.publicKey)),
        notBefore: daysAgo(1),
        notAfter: daysAgo(-1),
      },
      rootKey,
    ).toString()
    const server = tls.createServer(
      { ...authority.issueServer(['localhost']), requestCert: true, rejectUnauthorized: false },
      socket => socket.end(String(socket.authorized)),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo // the address of a TCP listener is never a pipe's name
    const ask = async (cert: string) => {
      const socket = tls.connect({
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: authority.certificate,
        cert,
        key: key(good),
      })
      const [chunk] = (await once(socket, 'data')) as [Buffer]
      return chunk.toString()
    }
    expect(await ask(authority.issueAgent('node-1', pem(good.publicKey)))).toBe('true')
    expect(await ask(other.issueAgent('node-1', pem(good.publicKey)))).toBe('false')
    expect(await ask(forged)).toBe('false')
    expect(await ask(old.issueAgent('node-1', pem(good.publicKey)))).toBe('false')
    server.close()
  })
})
