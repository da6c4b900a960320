import { type Flow, hasNoAgent, knownApplication, type NodeName } from '@sekisho/core'
import type { Model } from '@sekisho/policy'

/** What an agent says of a flow for as long as it is read. */
const INSPECTING = { outcome: 'allowed', why: 'inspecting' } as const

/**
 * An agent knows the workloads that its node needs, and an end that it does not know is an address to it. Here all are
 * known: whose the address is, and what the policies of who is called say.
 * @returns the flow as an agent that knows everything would report it: not at all, where the other node does.
 */
export function named(flow: Flow, node: NodeName, model: Model): Flow | undefined {
  const caller = callerOf(flow, model)
  if (caller && !hasNoAgent(caller) && caller.node !== node && flow.outcome !== 'denied') return undefined
  const known = caller ? { ...flow, source: { ...flow.source, workload: caller.id } } : flow
  return flow.destination.workload === undefined ? withCalled(known, model) : known
}

/** A forged address says nothing about its owner. */
const callerOf = ({ source, why }: Flow, model: Model) =>
  source.workload === undefined && why !== 'spoofed-source' ? model.workloadAt(source.ip) : undefined

function withCalled(flow: Flow, model: Model): Flow | undefined {
  const owner = model.workloadAt(flow.destination.ip)
  if (!owner) return flow
  const called: Flow = { ...flow, destination: { ...flow.destination, workload: owner.id } }
  if (flow.outcome === 'denied' || flow.source.workload === undefined) return called
  const { source, destination, protocol, port, application } = called
  const facts = application === undefined ? {} : { facts: { application: knownApplication(application) } }
  const { outcome, decision } = model.judge({ source, destination, protocol, port, ...facts })
  // Its own side is what the agent knows best.
  if (decision.direction !== 'ingress') return called
  const { by: _by, direction: _direction, ...bare } = called
  if (outcome === 'denied') return decision.inspect ? { ...bare, ...INSPECTING } : undefined
  const { by, direction, why } = decision
  return { ...bare, outcome, why, direction, ...(by !== undefined && { by }) }
}
