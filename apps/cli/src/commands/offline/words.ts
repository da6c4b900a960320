import type { Difference, Witness, WitnessEnd } from '@sekisho/policy'

const end = ({ name, alike, range }: WitnessEnd): string => {
  if (range && range[0] !== range[1])
    return `${name} (as any outside address from ${range[0]} to ${range[1]})`
  return alike > 1 ? `${name} (and ${alike - 1} like it)` : name
}

const port = ({ ports: { protocol, first, last } }: Witness): string =>
  first === last ? `${first}/${protocol}` : `${first}-${last}/${protocol}`

/** One flow and what decides it, as in `shop/api → payments/db:5432/TCP`. */
export function flowText(witness: Witness): string {
  return `${end(witness.source)} → ${end(witness.destination)}:${port(witness)}`
}

export function witnessText(witness: Witness): string {
  const { verdict, by, why, inspect } = witness.decision
  const facts = inspect ? `, unless its ${inspect.needs.join(' or ')} says otherwise` : ''
  return `${flowText(witness)}: ${verdict}, ${by ?? why}${facts}`
}

export function differenceText(difference: Difference): string {
  const { decision, after } = difference
  const facts = after.inspect ?? decision.inspect
  const change = facts ? `depends on ${facts.needs.join(' and ')}` : `${decision.verdict} → ${after.verdict}`
  return `${flowText(difference)}: ${change} (${decision.by ?? decision.why} → ${after.by ?? after.why})`
}
