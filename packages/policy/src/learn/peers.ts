import { contains, type Family, NAME_LABEL, parseCidr, parseIp } from '@sekisho/core'
import { addSeen, type Seen } from './evidence.ts'
import { exactBlocks, isPublic, publicBlock } from './outside.ts'
import type { LearnSubject } from './subjects.ts'

/** A peer of a rule as it will be written, and how people name it. */
export interface LearnPeer {
  readonly key: string
  readonly name: string
  readonly json: Readonly<Record<string, unknown>>
}

/** Which peers were seen on which ports: the whole evidence of one direction of a subject. */
export type Evidence = Map<string, { readonly peer: LearnPeer; readonly ports: Map<string, Seen> }>

export function add(evidence: Evidence, peer: LearnPeer, { port, seen }: { port: string; seen: Seen }): void {
  const held = evidence.get(peer.key) ?? { peer, ports: new Map<string, Seen>() }
  evidence.set(peer.key, held)
  held.ports.set(port, addSeen(held.ports.get(port), seen))
}

export function subjectPeer(peer: LearnSubject, own: string): LearnPeer {
  const namespaceSelector = { matchLabels: { [NAME_LABEL]: peer.namespace } }
  return {
    key: `subject ${peer.names.join()}`,
    name: peer.names.join(', '),
    json: { ...(peer.namespace !== own && { namespaceSelector }), podSelector: peer.selector },
  }
}

const blockPeer = (cidr: string, except: readonly string[] = []): LearnPeer => ({
  key: `block ${cidr}`,
  name: cidr,
  json: { ipBlock: { cidr, ...(except.length > 0 && { except }) } },
})

const familyOf = (text: string): Family => parseIp(text)?.family ?? 4

function isIn(cidr: string, text: string): boolean {
  const [block, ip] = [parseCidr(cidr), parseIp(text)]
  return block.ok && ip !== undefined && contains(block.value, ip)
}

const total = (seen: readonly Seen[]): Seen | undefined => seen.reduce<Seen | undefined>(addSeen, undefined)

/** What outside addresses were seen on one port. */
export interface OutsidePort {
  readonly port: string
  readonly addresses: ReadonlyMap<string, Seen>
}

/** Each address exactly, unless so many public ones were seen that naming them says nothing. */
export function addOutside(evidence: Evidence, { port, addresses }: OutsidePort, most: number): void {
  const seenOf = (texts: readonly string[]) => total(texts.flatMap(text => addresses.get(text) ?? []))
  for (const [family, texts] of Map.groupBy(addresses.keys(), familyOf)) {
    const open = texts.filter(isPublic)
    const isMany = open.length > most
    const named = isMany ? texts.filter(text => !isPublic(text)) : texts
    const seenOpen = isMany ? seenOf(open) : undefined
    if (seenOpen) {
      const { cidr, except } = publicBlock(family)
      const note = { code: 'open-to-internet', details: { addresses: open.length } } as const
      add(evidence, blockPeer(cidr, except), { port, seen: { ...seenOpen, notes: [note] } })
    }
    for (const block of exactBlocks(named)) {
      const seen = seenOf(named.filter(text => isIn(block, text)))
      if (seen) add(evidence, blockPeer(block), { port, seen })
    }
  }
}
