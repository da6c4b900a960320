/*
 * Versions of QUIC that can be read, and what of them differs in Initial packets: the salt of their keys, the labels, and
 * the number of the packet type (RFC 9001 section 5.2, RFC 9369 section 3, drafts 27 to 34 of the former).
 */
export interface QuicVersion {
  readonly name: string
  readonly salt: string
  readonly label: 'quic' | 'quicv2'
  readonly initial: 0 | 1
}

const SALT_1 = '38762cf7f55934b34d179ae6a4c80cadccbb7f0a'
const SALT_DRAFT_29 = 'afbfec289993d24c9e9786f19c6111e04390a899'
const SALT_DRAFT_23 = 'c3eef712c72ebb5a11a7d2432bb46365bef9f502'
const DRAFT = 0xff00_0000

const V1: QuicVersion = { name: 'QUIC 1', salt: SALT_1, label: 'quic', initial: 0 }
const V2: QuicVersion = {
  name: 'QUIC 2',
  salt: '0dede3def700a6db819381be6e269dcbf9bd2ed9',
  label: 'quicv2',
  initial: 1,
}

export function quicVersion(number: number): QuicVersion | undefined {
  if (number === 0x0000_0001) return V1
  if (number === 0x6b33_43cf) return V2
  const draft = number - DRAFT
  if (draft < 23 || draft > 34) return undefined
  const salt = draft < 29 ? SALT_DRAFT_23 : draft < 33 ? SALT_DRAFT_29 : SALT_1
  return { ...V1, name: `QUIC draft ${draft}`, salt }
}

/** RFC 9000 section 15: reserved so that a server must offer others. */
export const isReserved = (number: number): boolean => (number & 0x0f0f_0f0f) === 0x0a0a_0a0a

/** Versions before QUIC was a standard, "Q046" and the like: of another form inside, and encrypted in their own way. */
export const isGoogleVersion = (number: number): boolean => /^[QT]0\d\d$/.test(ascii(number))
export const ascii = (number: number): string =>
  String.fromCharCode(number >>> 24, (number >> 16) & 255, (number >> 8) & 255, number & 255)
