import { isDeepStrictEqual } from 'node:util'
import type { Protocol } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { askResidual, type FlowFacts, type Residual, residual } from '../src/index.ts'
import { modelOf } from './builders.ts'
import { generateCluster, PORTS, RICH } from './cluster.ts'

const request = (method: string, path = '/'): FlowFacts => ({
  application: 'http',
  request: { kind: 'http', method, path, host: 'a.example.com', headers: {} },
})
const FACTS: readonly FlowFacts[] = [
  {},
  { application: 'unknown' },
  { application: 'http' },
  { application: 'postgresql', names: [] },
  { names: ['a.example.com'] },
  { names: ['b.example.org'], application: 'tls', request: { kind: 'tls', sni: 'b.example.org' } },
  { names: ['a.example.com'], application: 'tls', request: { kind: 'tls', sni: 'b.example.org' } },
  { names: ['a.example.com', 'b.example.org'], application: 'tls' },
  request('GET'),
  request('POST', '/admin'),
  { ...request('GET'), names: ['a.example.com'] },
]

const PROTOCOLS: readonly Protocol[] = ['TCP', 'TCP', 'UDP', 'SCTP', 'ICMP', 'IP/50', 'IP/47']

/** Every pair of addresses of a generated cluster, and one outside, on each of the ports. */
function* questions(seed: number) {
  const cluster = generateCluster(seed, RICH)
  const model = modelOf(cluster.workloads, cluster.policies)
  const ips = [...cluster.workloads.flatMap(({ addresses }) => addresses), '203.0.113.7'].filter(
    ip => !ip.includes(':'),
  )
  for (const source of ips) {
    for (const destination of ips) {
      const port = PORTS[seed % PORTS.length] ?? 80
      const protocol = PROTOCOLS[(seed >> 1) % PROTOCOLS.length] ?? 'TCP'
      const query = { source: { ip: source }, destination: { ip: destination }, protocol, port }
      yield { model, query }
    }
  }
}

describe('what is left to ask', () => {
  test('it is plain data, and answers as the model does, whatever becomes known', () => {
    let open = 0
    for (let seed = 0; seed < 60; seed++) {
      for (const { model, query } of questions(seed)) {
        const left = JSON.parse(JSON.stringify(residual(model, query))) as Residual
        if (left.enforce.egress.kind === 'open' || left.enforce.ingress.kind === 'open') open++
        const ask = askResidual(left)
        for (const facts of FACTS) {
          const { outcome, decision } = model.judge({ ...query, facts })
          const { enforced, audited } = ask(facts)
          const same =
            (enforced.verdict === 'allow') === (outcome !== 'denied') &&
            isDeepStrictEqual(outcome === 'audited' ? audited : enforced, decision)
          // An assertion costs more than the answers, and there are hundreds of thousands.
          if (!same) expect({ enforced, audited }).toEqual({ outcome, decision })
        }
      }
    }
    expect(open).toBeGreaterThan(50)
  })
})
