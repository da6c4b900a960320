import type { RequestListener } from 'node:http'
import type { Clock } from '@sekisho/core'
import type { Store } from '@sekisho/store'
import { createIngest } from './agents/ingest.ts'
import { createAgents } from './agents/listener.ts'
import { createNodeStates } from './agents/node-states.ts'
import { removeAgent } from './agents/removal.ts'
import { createVoucher } from './agents/service-account.ts'
import { createLogin } from './auth/login.ts'
import { createPasswords } from './auth/password.ts'
import { type Cluster, type ClusterAccount, openCluster } from './cluster/cluster.ts'
import { CLUSTER_ACTOR } from './cluster/policy-mirror.ts'
import { ALONE } from './duty.ts'
import { createHttp } from './http/api.ts'
import { openFiles } from './http/files.ts'
import type { Reach } from './http/guard.ts'
import type { Api } from './http/hono.ts'
import type { Insight } from './insight/insight.ts'
import { createLifecycle, type LifecycleOptions } from './lifecycle/changes.ts'
import { openState } from './lifecycle/state.ts'
import { createHub } from './live/hub.ts'
import { createPulse } from './live/pulse.ts'
import type { Timer } from './live/timer.ts'
import type { Log } from './log.ts'
import { countEnforced, createCounters } from './metrics.ts'
import type { Authority } from './pki/authority.ts'
import { createResponder } from './response/responder.ts'
import { eventView } from './views.ts'

export interface ControlOptions {
  readonly store: Store
  readonly authority: Authority
  readonly insight: Insight
  readonly clock: Clock
  readonly timer: Timer
  readonly log: Log
  readonly reach: Reach
  readonly loopback: boolean
  readonly lab: boolean
  /** Directory of the built console. */
  readonly console: string
  /** Present where the server runs for a Kubernetes cluster. */
  readonly cluster?: ClusterAccount
}

/** The control plane without its sockets. Disposing ends its streams and timers; the store is the caller's. */
export interface Control extends AsyncDisposable {
  readonly fetch: Api['fetch']
  readonly agents: RequestListener
  /** Present where the server runs for a cluster. */
  readonly admission: RequestListener | undefined
}

/** Namespaces that no response touches, besides that of Sekisho: a cluster without its resolver or proxies is lost. */
const SPARED = ['kube-system', 'sekisho']

const touches = (
  part: { readonly set?: readonly unknown[]; readonly removed?: readonly unknown[] } | undefined,
) => (part?.set?.length ?? 0) + (part?.removed?.length ?? 0) > 0

export function createControl(options: ControlOptions): Control {
  const { store, clock, timer, log, authority } = options
  const resources = new AsyncDisposableStack()
  const counters = createCounters()
  const state = openState(store.state)
  const hub = resources.use(createHub({ clock, timer }))
  const pulse = createPulse(timer)
  state.onChange(delta => {
    pulse.beat()
    if (touches(delta.policies)) hub.changed('policies')
    if (touches(delta.workloads) || touches(delta.namespaces)) hub.changed('workloads')
  })
  const onSettled = () => hub.changed('changes')
  const states = createNodeStates(state)
  let cluster: Cluster | undefined
  const livesElsewhere: LifecycleOptions['livesElsewhere'] = (...change) => cluster?.owns(...change) === true
  const lifecycle = resources.use(
    createLifecycle({ store, state, clock, timer, log, onSettled, livesElsewhere }),
  )
  const { cluster: account } = options
  const responder = resources.use(
    createResponder({
      store,
      state,
      lifecycle,
      clock,
      timer,
      log,
      leads: () => cluster?.duty.leads !== false,
      exempt: [...SPARED, ...(account ? [account.namespace] : [])],
      onEvents(ids) {
        for (const event of store.records.eventsById(ids)) hub.event(eventView(event))
      },
      tell: (workload, reason, message) => cluster?.tell(workload, reason, message),
    }),
  )
  if (account)
    cluster = resources.use(
      openCluster({
        ...account,
        store,
        insight: options.insight,
        onEnforced: seconds => countEnforced(counters, seconds),
        responder,
        state,
        lifecycle,
        log,
        history: states.position.history,
        authority: authority.certificate,
        onLeads(leads) {
          // Streams look who leads before each line.
          pulse.beat()
          if (!leads) return hub.end()
          if (!account.elected) return
          // What is missing before it, somebody may look for.
          const details = { server: account.identity }
          store.records.addEvent({ code: 'server-leads', severity: 'info', at: clock.now(), details })
        },
        onOverlap: () => void counters.overlaps++,
        onDeparted(node) {
          const details = 'the cluster has this node no more'
          removeAgent({ store, state, hub }, node, { actor: CLUSTER_ACTOR, from: '', details })
        },
      }),
    )
  const duty = cluster?.duty ?? ALONE
  const ingest = createIngest({ store, state, hub, counters, clock, inCluster: account !== undefined })
  const onPresence = () => hub.changed('agents')
  const voucher = account && createVoucher(account.client, account.namespace)
  const agents = resources.use(
    createAgents({
      store,
      authority,
      ingest,
      states,
      pulse,
      clock,
      log,
      onPresence,
      voucher,
      roster: cluster?.roster,
      duty,
    }),
  )
  const login = createLogin({ store, passwords: createPasswords(), clock })
  const files = openFiles(options.console)
  if (!files.complete) log.warn('the console is not built', { directory: options.console })
  const { connected } = agents
  const http = createHttp({
    ...options,
    duty,
    revoke: cluster?.revoke,
    state,
    states,
    lifecycle,
    responder,
    login,
    hub,
    connected,
    counters,
    files,
  })
  return {
    fetch: http.fetch,
    agents: agents.listener,
    admission: cluster?.admission,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
