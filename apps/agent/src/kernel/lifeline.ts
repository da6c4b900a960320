import { lookup } from 'node:dns/promises'
import { isDeepStrictEqual } from 'node:util'
import { parseCidr, parseIp, policyId, type Timers, type Transport } from '@sekisho/core'
import type { ClusterNetworkPolicy, PolicyRule } from '@sekisho/policy'
import { Runner } from '../runner.ts'

export interface LifelineOptions {
  /** Of the agent. */
  readonly server: URL
  /** Whom the machine asks where names lead. */
  readonly resolvers: readonly string[]
  readonly timers: Timers
  onChange(needs: ClusterNetworkPolicy): void
  onError(error: unknown): void
}

const AGAIN_MS = 60_000
const NAME = 'agent:needs' // no document can be called that

const allow = (
  name: string,
  addresses: readonly string[],
  ports: readonly (readonly [Transport, number])[],
): PolicyRule[] => {
  const peers = addresses.flatMap(text => {
    const ip = parseIp(text)
    const cidr = ip && parseCidr(`${text}/${ip.family === 4 ? 32 : 128}`)
    return cidr?.ok ? [{ kind: 'block', cidr: cidr.value, except: [] } as const] : []
  })
  const specs = ports.map(
    ([protocol, port]) => ({ kind: 'range', protocol, first: port, last: port }) as const,
  )
  return peers.length === 0 ? [] : [{ name, action: 'Allow', peers, ports: specs }]
}

/**
 * What the agent of a machine needs, before any policy that selects the machine: where it hears that the policy was
 * taken back. Of external workloads only: pods have nothing of it.
 */
export function needsOf(
  server: readonly string[],
  port: number,
  resolvers: readonly string[],
): ClusterNetworkPolicy {
  const rules = [
    ...allow('the server', server, [['TCP', port]]),
    ...allow('names', resolvers, [
      ['UDP', 53],
      ['TCP', 53],
    ]),
  ]
  return {
    kind: 'ClusterNetworkPolicy',
    id: policyId('ClusterNetworkPolicy', '', NAME),
    namespace: '',
    name: NAME,
    mode: 'Enforce',
    tier: 'Admin',
    priority: -1, // before the first that may be written
    subject: { kind: 'externals', selector: {} },
    sections: { egress: { isolates: false, rules } },
    profiles: [],
    onFailure: 'open',
    onDeny: 'drop',
    source: {},
  }
}

/** Follows where the server's name leads. */
export class Lifeline implements AsyncDisposable {
  readonly #runner: Runner
  #next: Disposable | undefined
  #known: readonly string[] = []
  #isTroubled = false

  constructor({ server, resolvers, timers, onChange, onError }: LifelineOptions) {
    const host = server.hostname.replace(/^\[|\]$/g, '')
    const tell = () => onChange(needsOf(this.#known, Number(server.port || 443), resolvers))
    this.#runner = new Runner({
      timers,
      intervalMs: 0,
      onError,
      run: async () => {
        this.#next = timers.after(AGAIN_MS, () => this.#runner.trigger())
        const found = await lookup(host, { all: true }).catch((error: unknown) => {
          // What is known stays so. Said once, not at each try.
          if (!this.#isTroubled) onError(error)
        })
        this.#isTroubled = found === undefined
        const addresses = found?.map(({ address }) => address).toSorted() ?? this.#known
        if (isDeepStrictEqual(addresses, this.#known)) return
        this.#known = addresses
        tell()
      },
    })
    // An address needs nobody's answer, and is there before the first rule.
    if (parseIp(host)) this.#known = [host]
    tell()
    this.#runner.trigger()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#next?.[Symbol.dispose]()
    await this.#runner[Symbol.asyncDispose]()
    this.#next?.[Symbol.dispose]()
  }
}
