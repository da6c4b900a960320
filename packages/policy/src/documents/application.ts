import {
  APPLICATIONS,
  type ApplicationDefinition,
  type ApplicationName,
  type BytePattern,
  compilePattern,
  type IpRange,
  isCustomApplication,
  type KnownServers,
  LIMITS,
  parseCidr,
  policyId,
} from '@sekisho/core'
import type { ApplicationDocument } from './document.ts'
import type { DocumentKind } from './kind.ts'
import { JUDGES_NOTHING, readMetadata } from './metadata.ts'
import type { Spot } from './spot.ts'

export const PATTERNS = 16
export const PATTERN_WITHIN = { usual: 256, most: 1_024 } as const
const SIDES = ['client', 'server'] as const

/** The form of names that are not built in. */
export function customName(spot: Spot, name: string): ApplicationName | undefined {
  if (isCustomApplication(name)) return name
  spot.refuse('must be lower-case letters, digits and "-", beginning with a letter')
  return undefined
}

const KINDS_OF_PATTERN = ['text', 'hex', 'pattern'] as const

function readPattern(spot: Spot): BytePattern | undefined {
  if (!spot.fields(['at', ...KINDS_OF_PATTERN, 'within'])) return undefined
  const [kind, ...others] = KINDS_OF_PATTERN.filter(each => !spot.at(each).absent)
  if (kind === undefined || others.length > 0) {
    spot.refuse(`must have exactly one of ${KINDS_OF_PATTERN.join(', ')}`)
    return undefined
  }
  const at = spot.at('at').absent
    ? 0
    : (spot.at('at').integer(0, LIMITS.openingBytes.value - PATTERN_WITHIN.most) ?? 0)
  if (kind === 'pattern') return readTextPattern(spot, at)
  if (!spot.at('within').absent) spot.at('within').refuse('belongs to a pattern')
  const bytes = kind === 'text' ? readText(spot.at(kind)) : readHex(spot.at(kind))
  if (bytes.length > PATTERN_WITHIN.most) spot.at(kind).refuse(`must be at most ${PATTERN_WITHIN.most} bytes`)
  return { kind: 'bytes', at, bytes }
}

/** By an engine whose time is linear in the text; what it refuses is refused here. */
function readTextPattern(spot: Spot, at: number): BytePattern {
  const pattern = spot.at('pattern').text() ?? ''
  const within = spot.at('within').absent
    ? PATTERN_WITHIN.usual
    : spot.at('within').integer(1, PATTERN_WITHIN.most)
  // Alone first, so that a bracket too many cannot close the one around it.
  for (const whole of [pattern, `(${pattern}).*`]) {
    const compiled = compilePattern(whole)
    if (compiled.ok) continue
    spot.at('pattern').refuse(compiled.error)
    break
  }
  return { kind: 'text', at, within: within ?? PATTERN_WITHIN.usual, pattern }
}

/** Which bytes another encoding makes of a text is not for us to guess. */
function readText(spot: Spot): readonly number[] {
  const text = spot.text()
  if (text === undefined) return []
  if (!/^\p{ASCII}+$/u.test(text)) spot.refuse('must be ASCII, and not empty')
  return Array.from(text, letter => letter.charCodeAt(0))
}

function readHex(spot: Spot): readonly (number | null)[] {
  const text = spot.text()?.replaceAll(' ', '')
  if (text === undefined) return []
  if (!/^(?:[\da-f]{2}|\?\?)+$/i.test(text)) {
    spot.refuse('must be pairs of hexadecimal digits or "??"')
    return []
  }
  return (text.match(/../g) ?? []).map(pair => (pair === '??' ? null : Number.parseInt(pair, 16)))
}

function readAddress(spot: Spot): IpRange | undefined {
  const text = spot.text()
  const range = text === undefined ? undefined : parseCidr(text)
  if (range?.ok) return range.value
  if (range) spot.refuse(range.error)
  return undefined
}

function readPorts(spot: Spot): readonly [number, number] | undefined {
  if (!spot.fields(['port', 'endPort'])) return undefined
  const first = spot.at('port').integer(1, 65_535)
  const last = spot.at('endPort').absent ? first : spot.at('endPort').integer(1, 65_535)
  if (first === undefined || last === undefined) return undefined
  if (last < first) spot.at('endPort').refuse(`must not be below port ${first}`)
  return [first, last]
}

function readServers(spot: Spot): KnownServers | undefined {
  if (!spot.fields(['addresses', 'ports'])) return undefined
  const limit = LIMITS.portsPerRule.value
  const [addresses, ports] = [spot.at('addresses').list(limit), spot.at('ports').list(limit)]
  if (addresses.length + ports.length === 0) spot.refuse('must have addresses or ports')
  return {
    addresses: addresses.flatMap(item => readAddress(item) ?? []),
    ports: ports.flatMap(item => {
      const range = readPorts(item)
      return range ? [range] : []
    }),
  }
}

/** What is built in is known by its bytes; users may only say where it is spoken. */
function readName(root: Spot, name: string): ApplicationName {
  const builtIn = APPLICATIONS.find(each => each === name)
  for (const side of builtIn ? SIDES : []) {
    const spot = root.at('spec').at(side)
    if (!spot.absent) spot.refuse(`${name} is built in; choose another name, or leave only overrides`)
  }
  const own = builtIn ?? (name === '' ? undefined : customName(root.at('metadata').at('name'), name))
  return own ?? 'http'
}

function readDefinition(root: Spot, name: string): ApplicationDefinition {
  const spec = root.at('spec')
  spec.fields(['transport', ...SIDES, 'overrides'])
  const patterns = (side: 'client' | 'server') =>
    spec
      .at(side)
      .list(PATTERNS)
      .flatMap(item => readPattern(item) ?? [])
  const overrides = spec
    .at('overrides')
    .list(LIMITS.customApplications.value)
    .flatMap(item => readServers(item) ?? [])
  const [client, server] = [patterns('client'), patterns('server')]
  if ([...SIDES, 'overrides'].every(field => spec.at(field).list(1_000).length === 0))
    spec.refuse('does nothing; write client, server or overrides')
  const transport = spec.at('transport').oneOf(['TCP', 'UDP']) ?? 'TCP'
  return { application: readName(root, name), transport, client, server, overrides }
}

/**
 * What users say of an application: by which bytes it is known, where it is taken for granted. It judges nothing, so
 * that it has no subject and no rules; policies name it.
 */
export const application: DocumentKind<ApplicationDocument> = {
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'Application',
  read(root) {
    root.fields(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
    const { name } = readMetadata(root.at('metadata'), 'cluster')
    return {
      kind: 'Application',
      id: policyId('Application', '', name),
      name,
      ...JUDGES_NOTHING,
      definition: readDefinition(root, name),
    }
  },
  // It has no mode: what it says is so.
  writeMode: source => source,
}
