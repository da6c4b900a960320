import { hash } from 'node:crypto'
import { addressBytes, type Family, formatIp, parseIp } from '@sekisho/core'
import { memo } from './memo.ts'

export const TABLE = 'inet sekisho'
export const TABLE_NAME = 'sekisho'

/**
 * Ids come from policy documents, so none of their characters may reach the kernel: an object's name is a prefix
 * (which also keeps it off nft's reserved words) and a hash. 128 bits, so that nobody can craft a policy whose set
 * or chain shares its name with another's; in few letters, since the kernel finds a set by reading the names of all.
 */
const digest = memo(id => hash('sha256', id, 'base64url').slice(0, DIGEST_LETTERS))
/** Six bits each. */
const DIGEST_LETTERS = 22

export type Role = 'enforce' | 'audit'
const ROLE = { enforce: 'e', audit: 'u' } as const satisfies Record<Role, string>
const SET = { selector: 'p', 'named-port': 'n', range: 'r', name: 'd' } as const

export const setName = (kind: keyof typeof SET, family: Family, id: string): string =>
  `${SET[kind]}${family}_${digest(id)}`
/** A map of peers, by the run of rules it stands for. */
export const peerMapName = (kind: 'port' | 'any', run: string): string =>
  `${kind === 'port' ? 'm' : 'a'}_${digest(run)}`
export const chainName = (role: Role, id: string): string => `${ROLE[role]}_${digest(id)}`
/** The key of a rule in its counter's name and in the prefix of what it logs. */
export const ruleKey = (id: string): string => digest(id)
export const counterName = (role: Role, key: string): string => `${ROLE[role]}r_${key}`
export const denyChainName = (role: Role, key: string): string => `${ROLE[role]}d_${key}`

/** What a logged packet's prefix starts with; a rule's is followed by its key. At most 127 bytes in the kernel. */
export const PREFIX = { enforce: 'sekisho:deny:', audit: 'sekisho:audit:', spoof: 'sekisho:spoof' } as const

export type LogReason =
  | { readonly kind: 'rule'; readonly role: Role; readonly key: string }
  | { readonly kind: 'spoof' }

/** What a logged packet says about itself; undefined when it is not ours (the group may be shared). */
export function parsePrefix(prefix: string): LogReason | undefined {
  if (prefix === PREFIX.spoof) return { kind: 'spoof' }
  for (const role of ['enforce', 'audit'] as const) {
    if (prefix.startsWith(PREFIX[role])) return { kind: 'rule', role, key: prefix.slice(PREFIX[role].length) }
  }
  return undefined
}

/**
 * The kernel accepts nearly any byte in an interface name, nft reads a trailing `*` as a wildcard and has no escape
 * for quotes. Only what container runtimes make is let through; IFNAMSIZ leaves 15 characters.
 */
const INTERFACE = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,14}$/
export const isInterfaceName = (name: string): boolean => INTERFACE.test(name)
/** @throws TypeError for a name that is not plain; ask `isInterfaceName` first. */
export function quoteInterface(name: string): string {
  if (!isInterfaceName(name)) throw new TypeError(`not an interface name: ${JSON.stringify(name)}`)
  return `"${name}"`
}

/** An address as nft text, written anew from its number, and as bytes. @throws TypeError when it is none. */
export const addressText = memo(text => {
  const ip = parseIp(text)
  if (ip === undefined) throw new TypeError(`not an address: ${JSON.stringify(text)}`)
  return { family: ip.family, text: formatIp(ip), bytes: addressBytes(ip) }
})
