import { createHash } from 'node:crypto'
import { type ClientHello, isGrease } from './client-hello.ts'

/*
 * JA4 (FoxIO, BSD-3-Clause): what a TLS client offers, in a form that survives its shuffling of extensions.
 *   transport version sni ciphers extensions alpn _ hash(ciphers) _ hash(extensions _ signature algorithms)
 */
export type Ja4Transport = 'd' | 'q' | 't'

const VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x0304, '13'],
  [0x0303, '12'],
  [0x0302, '11'],
  [0x0301, '10'],
  [0x0300, 's3'],
  [0x0002, 's2'],
  [0xfeff, 'd1'],
  [0xfefd, 'd2'],
  [0xfefc, 'd3'],
])
const SERVER_NAME = 0x0000
const ALPN = 0x0010

export function ja4(hello: ClientHello, transport: Ja4Transport): string {
  const ciphers = hello.ciphers.filter(cipher => !isGrease(cipher))
  const extensions = hello.extensions.filter(type => !isGrease(type))
  const signatures = hello.signatures.filter(algorithm => !isGrease(algorithm))
  const destination = extensions.includes(SERVER_NAME) ? 'd' : 'i'
  const offered = `${transport}${versionOf(hello)}${destination}${count(ciphers)}${count(extensions)}${alpnOf(hello)}`
  const inOrder = extensions
    .filter(type => type !== SERVER_NAME && type !== ALPN)
    .map(hex)
    .toSorted()
    .join()
  const rest = signatures.length > 0 ? `${inOrder}_${signatures.map(hex).join()}` : inOrder
  return `${offered}_${hash(ciphers.map(hex).toSorted().join())}_${inOrder === '' ? EMPTY : hash(rest)}`
}

const EMPTY = '000000000000'
const hex = (value: number): string => value.toString(16).padStart(4, '0')
const hash = (text: string): string =>
  text === '' ? EMPTY : createHash('sha256').update(text).digest('hex').slice(0, EMPTY.length)
const count = (list: readonly unknown[]): string => String(Math.min(list.length, 99)).padStart(2, '0')

function versionOf({ version, versions }: ClientHello): string {
  const offered = versions.filter(candidate => !isGrease(candidate))
  // Versions of DTLS count downwards from 0xfeff.
  const isDatagram = version >> 8 === 0xfe
  const highest = offered.length === 0 ? version : isDatagram ? Math.min(...offered) : Math.max(...offered)
  return VERSIONS.get(highest) ?? '00'
}

function alpnOf({ alpn }: ClientHello): string {
  const [name] = alpn
  const [first, last] = [name?.at(0), name?.at(-1)]
  if (first === undefined || last === undefined) return '00'
  if (isAlphanumeric(first) && isAlphanumeric(last)) return String.fromCharCode(first, last)
  return `${(first >> 4).toString(16)}${(last & 0x0f).toString(16)}`
}

const isAlphanumeric = (byte: number): boolean => /^[0-9A-Za-z]$/.test(String.fromCharCode(byte))
