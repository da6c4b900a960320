import type { Direction, Mode } from '@sekisho/core'
import { type Cube, cubeKey } from '../cube.ts'
import type { Draft } from '../foreign.ts'
import { cut } from '../ordered/pieces.ts'
import type { OrderedRule } from '../ordered/rule.ts'
import { writePolicy } from '../ordered/tiers.ts'
import type { NetworkRule } from './rule.ts'

/** Workloads that have a mode of their own. */
interface Moded {
  readonly name: string
  /** Where it comes from, for people. */
  readonly of: string
  readonly mode: Mode
  readonly subject: readonly Cube[]
}

interface Part {
  readonly cube: Cube
  readonly sections: Readonly<Partial<Record<Direction, readonly OrderedRule[]>>>
}

const ENDS = { ingress: ['to', 'from'], egress: ['from', 'to'] } as const

/** The list as it is for some workloads; what no rule allows is denied, so that denying alone is the empty list. */
function section(rules: readonly NetworkRule[], other: 'from' | 'to'): readonly OrderedRule[] {
  const all = rules
    .map(rule => ({ ...rule.what, peers: rule[other].peers }))
    .filter(({ peers }) => peers.length > 0)
  return all.some(({ action }) => action === 'Allow') ? all : []
}

/**
 * The policies of one service: one for each piece of it that rules of other groups tell apart. Both ends of a
 * conversation ask the same list, so each rule is in the policies of both.
 * @param list the rules of all documents in the order in which they are asked; those that counted are added to `used`.
 */
export function writeService(
  { name, of, mode, subject }: Moded,
  { rules, used }: { readonly rules: readonly NetworkRule[]; readonly used: Set<NetworkRule> },
): readonly Draft[] {
  const parts = new Map<string, Part>()
  for (const [direction, [own, other]] of Object.entries(ENDS) as [Direction, (typeof ENDS)[Direction]][]) {
    // its own keys
    const about = rules
      .map(rule => ({ rule, subject: rule[own].subject }))
      .filter(each => each.subject.length > 0)
    for (const { cube, about: found } of cut(subject, about)) {
      for (const { rule } of found) used.add(rule)
      const asked = section(
        found.map(({ rule }) => rule),
        other,
      )
      const held = parts.get(cubeKey(cube))
      parts.set(cubeKey(cube), { cube, sections: { ...held?.sections, [direction]: asked } })
    }
  }
  return [...parts.values()].map((part, i) =>
    writePolicy(part, { name: i === 0 ? name : `${name}-${i + 1}`, from: of, mode }),
  )
}
