import { type Cidr, familyBits, formatCidr, parseIp } from '@sekisho/core'
import { importPolicies, type PolicyDocument } from '@sekisho/policy'
import { stringify } from 'yaml'
import { type Manifest, textField } from './manifests.ts'
import { Unsupported } from './nca-topology.ts'

const validName = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')

/** A block as the analyzer reads it: bits after the prefix do not count, and an address is a block of one. */
function masked(text: string): Cidr | undefined {
  const [address = '', written] = text.split('/')
  const ip = parseIp(address)
  const bits = ip && familyBits(ip.family)
  const prefix = Number(written ?? bits)
  if (!ip || bits === undefined || !(prefix >= 0 && prefix <= bits)) return undefined
  const size = 1n << BigInt(bits - prefix)
  const first = ip.value - (ip.value % size)
  return { family: ip.family, prefix, first, last: first + size - 1n }
}

/** Blocks as they are meant: Sekisho refuses bits after the prefix, which the analyzer's own cases are full of. */
function canonical(value: unknown): unknown {
  if (typeof value === 'string') {
    const block =
      /^[\da-f.:]+\/\d+$/i.test(value) || /^\d+\.\d+\.\d+\.\d+$/.test(value) ? masked(value) : undefined
    return block ? formatCidr(block) : value
  }
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, canonical(inner)]))
}

/** Names with capitals mean nothing here, and an API server refuses them. */
const named = (policy: Manifest): Manifest => ({
  ...(canonical(policy) as Manifest), // the same shape
  metadata: { ...(policy.metadata as Manifest), name: validName(textField(policy, 'metadata', 'name')) }, // it has metadata
})

const imported = new Map<string, readonly PolicyDocument[]>()

/** Through the importer, whole or refused by name. */
export function documentsOf(manifests: readonly Manifest[]): readonly PolicyDocument[] {
  if (manifests.length === 0) return []
  const text = manifests
    .map(policy => stringify(named(policy), { aliasDuplicateObjects: false }))
    .join('---\n')
  const held = imported.get(text)
  if (held) return held
  const { documents, refused } = importPolicies(text)
  const [first] = refused
  if (first) throw new Unsupported(`${first.construct}: ${first.reason}`)
  imported.set(text, documents)
  return documents
}
