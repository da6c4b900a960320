import { formatIp, LIMITS, Reader } from '@sekisho/core'
import { latin1 } from '../../ascii.ts'
import { type Element, element, elements, expected, rest, TAG } from './der.ts'

/*
 * Names of a server's certificate (RFC 5280 section 4.1), readable up to TLS 1.2:
 *   Certificate { tbs { [0] version, serial, algorithm, issuer, validity, subject, key, [3] extensions }, … }
 *   SubjectAltName (section 4.2.1.6): sequence of [2] DNS name, [7] address
 */
const COMMON_NAME = '550403'
const SUBJECT_ALT_NAME = '551d11'
const VERSION = 0xa0
const EXTENSIONS = 0xa3
const DNS_NAME = 0x82
const ADDRESS = 0x87

/** Whom a certificate is about and who gave it, by the names that tell. */
export interface Certificate {
  /** Common names, lower case. */
  readonly issuer: readonly string[]
  readonly subject: readonly string[]
  readonly alternatives: readonly string[]
  /** Neither of both says more than common names: no organisation, no country. */
  readonly isSparse: boolean
}

/** Raises `Malformed`. */
export function parseCertificate(der: Uint8Array): Certificate {
  const tbs = expected(expected(new Reader(der), TAG.sequence), TAG.sequence)
  const first = element(tbs)
  // Serial and algorithm, of which the version, where it is, stands before.
  for (let skipped = first.tag === VERSION ? 0 : 1; skipped < 2; skipped++) element(tbs)
  const issuer = nameIn(expected(tbs, TAG.sequence))
  element(tbs)
  const subject = nameIn(expected(tbs, TAG.sequence))
  element(tbs)
  const names = {
    issuer: issuer.common,
    subject: subject.common,
    isSparse: issuer.others + subject.others === 0,
  }
  for (const { tag, value } of elements(tbs)) {
    if (tag === EXTENSIONS) return { ...names, alternatives: alternativeNames(expected(value, TAG.sequence)) }
  }
  return { ...names, alternatives: [] }
}

/** The names that clients compare; the common name where there is no other. */
export const certificateNames = ({ subject, alternatives }: Certificate): readonly string[] =>
  alternatives.length > 0 ? alternatives : subject

function alternativeNames(extensions: Reader): readonly string[] {
  for (const { value } of elements(extensions)) {
    const oid = hex(expected(value, TAG.oid))
    if (oid !== SUBJECT_ALT_NAME) continue
    // "critical" may stand between.
    const [last] = [...elements(value)].slice(-1)
    const list = last && expected(new Reader(rest(last.value)), TAG.sequence)
    return list ? [...elements(list)].slice(0, LIMITS.certificateNames.value).flatMap(nameOf) : []
  }
  return []
}

function nameOf({ tag, value }: Element): readonly string[] {
  if (tag === DNS_NAME) return [latin1(rest(value)).toLowerCase()]
  if (tag !== ADDRESS || (value.left !== 4 && value.left !== 16)) return []
  const family = value.left === 4 ? 4 : 6
  return [formatIp({ family, value: BigInt(`0x${hex(value)}`) })]
}

/** A distinguished name: its common names, and how much else it says. */
function nameIn(name: Reader): { readonly common: readonly string[]; readonly others: number } {
  const common: string[] = []
  let others = 0
  for (const { value: set } of elements(name)) {
    for (const { value: attribute } of elements(set)) {
      const oid = hex(expected(attribute, TAG.oid))
      if (oid === COMMON_NAME) common.push(latin1(rest(element(attribute).value)).toLowerCase())
      else others++
    }
  }
  return { common, others }
}

const hex = (reader: Reader): string => Buffer.from(rest(reader)).toString('hex')
