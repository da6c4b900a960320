import type { PolicySet } from '../model/entry.ts'
import type { Model } from '../model/model.ts'
import { proveReach } from '../prove/reach.ts'
import type { PortMatch } from '../table.ts'
import type { Expectation, ExpectationResult } from './expectation.ts'

/** Absent means every port of every protocol, or of the one that is named. */
export function portsOf({
  port,
  protocol,
}: Pick<Expectation, 'port' | 'protocol'>): readonly PortMatch[] | undefined {
  if (protocol === undefined) return undefined
  return [port === undefined ? { protocol } : { protocol, ports: [[port, port]] }]
}

/** Looks for a flow with the other verdict, over all that the expectation is about. */
export function check(
  model: Model,
  expectation: Expectation,
  policies: PolicySet = 'enforce',
): ExpectationResult {
  const ports = portsOf(expectation)
  const { from, to } = expectation
  const proof = proveReach(model, {
    from,
    to,
    ...(ports && { ports }),
    verdict: expectation.verdict === 'allow' ? 'deny' : 'allow',
    policies,
    // What was not looked at to the end is no test that passed.
    most: Number.POSITIVE_INFINITY,
  })
  const [witness] = proof.witnesses
  if (witness) return { expectation, outcome: 'failed', witness }
  return { expectation, outcome: proof.covered.pieces > 0 ? 'passed' : 'no-flow' }
}
