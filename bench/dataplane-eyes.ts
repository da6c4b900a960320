import { createFlowLog, type FlowLog, pauseAfter } from '@sekisho/dataplane'
import { enableAccounting, openConntrack } from '@sekisho/linux'
import { NODE } from './dataplane-cluster.ts'
import { clock, type LoadedNode } from './dataplane-node.ts'

const WINDOW_MS = 1_000

/** What the agent does to see a node's connections, all of it: events, the whole table from time to time, flows. */
export async function openEyes({ model }: LoadedNode, netns: string): Promise<Disposable> {
  using stack = new DisposableStack()
  enableAccounting(netns)
  let [seen, lost] = [0, 0]
  stack.defer(() => {
    if (seen === 0 || lost > 0) throw new Error(`${seen} connections were seen, ${lost} events lost`)
  })
  const conntrack = stack.use(
    openConntrack({
      netns,
      groups: ['destroy'],
      onEvent: event => flows.ended(event),
      onLost(count) {
        lost += count
      },
    }),
  )
  const flows: FlowLog = createFlowLog({
    clock,
    workloadAt: ip => model.workloadAt(ip)?.id,
    isLocal: id => model.workloads.get(id)?.node === NODE,
    hasNoAgent: () => false,
    judge: query => model.judge(query),
    ownerOf: () => undefined,
    ruleOf: () => undefined,
    visit: visit => conntrack.visit(visit),
  })
  let next: NodeJS.Timeout | undefined
  let isOpen = true
  const refresh = async () => {
    const pause = pauseAfter(await flows.refresh())
    if (isOpen) next = setTimeout(() => void refresh(), pause)
  }
  await refresh()
  const window = setInterval(() => {
    for (const { connections } of flows.take().flows) seen += connections
  }, WINDOW_MS)
  stack.defer(() => {
    isOpen = false
    clearTimeout(next)
    clearInterval(window)
  })
  return stack.move()
}
