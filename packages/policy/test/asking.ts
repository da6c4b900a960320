import type { FlowFacts, PolicyDocument } from '../src/index.ts'
import { modelOf, securityPolicy, workload } from './builders.ts'

type Json = Readonly<Record<string, unknown>>

/** One of each kind that peers tell apart. */
export const WORKLOADS = [
  workload('shop/web', '10.0.0.1', { serviceAccount: 'web' }),
  workload('shop/api', '10.0.0.2'),
  workload('shop/claims-api', '10.0.0.3', { labels: { '@service-account': 'api', '@kind': 'external' } }),
  workload('shop/mainframe', '198.51.100.7', { kind: 'external', labels: { app: 'mainframe' } }),
  workload('/node-a', '192.168.0.1', { kind: 'host', hostNetwork: true, labels: { role: 'worker' } }),
]
const WEB = { podSelector: { matchLabels: { app: 'web' } } }

/** A policy about `shop/web`. */
export const web = (name: string, sections: Json): PolicyDocument =>
  securityPolicy(`shop/${name}`, { subject: WEB, ...sections })

/** The verdict on `shop/web` to an address on TCP port 80, and what it still depends on. */
export function ask(policies: readonly PolicyDocument[], destination: string, facts?: FlowFacts): string {
  const query = {
    source: { ip: '10.0.0.1' },
    destination: { ip: destination },
    protocol: 'TCP',
    port: 80,
  } as const
  const { verdict, inspect } = modelOf(WORKLOADS, policies).decide(facts ? { ...query, facts } : query)
  return inspect ? `${verdict} until ${inspect.needs.join()} (${inspect.onFailure})` : verdict
}
