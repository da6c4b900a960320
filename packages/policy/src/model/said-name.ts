import { carries, type L7Kind } from '@sekisho/core'
import type { FlowFacts } from '../facts.ts'
import type { BoundRule } from './bound.ts'
import type { Knowledge } from './condition.ts'

/** Requests in which a client says whom it wants to reach. */
export const SAYING = ['grpc', 'http', 'tls'] as const satisfies readonly L7Kind[]

/**
 * By which name the client asks for its server. `open`: it may still say; `silent`: what is spoken has no place for it.
 * The name is empty where there is a place and it says none.
 */
export type SaidName = { readonly kind: 'open' | 'silent' } | { readonly kind: 'said'; readonly name: string }

const OPEN: SaidName = Object.freeze({ kind: 'open' })
const SILENT: SaidName = Object.freeze({ kind: 'silent' })

export function saidName({ application, request }: FlowFacts): SaidName {
  switch (request?.kind) {
    case 'tls':
      return { kind: 'said', name: request.sni ?? '' }
    case 'http':
    case 'grpc':
      return { kind: 'said', name: request.host ?? '' }
    case undefined:
      return canSay(application) ? OPEN : SILENT
    default:
      return SILENT
  }
}

const canSay = (application: FlowFacts['application']): boolean =>
  application === undefined || (application !== 'unknown' && SAYING.some(kind => carries(application, kind)))

/** Whether a rule with names is about a destination to which `led` led, as far as the client has said whom it wants. */
export function matchesNames(
  rule: Pick<BoundRule, 'action'>,
  names: (name: string) => boolean,
  facts: FlowFacts,
): Knowledge {
  const led = facts.names
  if (led === undefined) return 'unknown'
  if (!led.some(names)) return 'no'
  const said = saidName(facts)
  switch (said.kind) {
    case 'open':
      return 'unknown'
    case 'silent':
      return 'yes'
    case 'said':
      return isMeant(rule, names(said.name), led.includes(said.name)) ? 'yes' : 'no'
  }
}

/**
 * Addresses are shared: behind one that an allowed name led to are others' servers, so an Allow rule wants its own name
 * to be said. A Deny rule lets go only of a name that led there too: any other may be made up, to get around it.
 */
const isMeant = ({ action }: Pick<BoundRule, 'action'>, isOwn: boolean, ledThere: boolean): boolean =>
  action === 'allow' ? isOwn : isOwn || !ledThere
