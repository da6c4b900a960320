import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { type ApplicationDefinition, type EpochMs, LIMITS } from '@sekisho/core'
import { compileOverrides, customProtocols, Identifier, PROTOCOLS } from '@sekisho/inspect'
import { SeenNames } from '@sekisho/inspect/dns-security'
import { clearWake, openPacketQueue, openRawPackets, waitReadable } from '@sekisho/linux'
import type { FlowFacts } from '@sekisho/policy'
import { OWN_PACKET } from '../mark.ts'
import type { QueueSide } from '../queues.ts'
import { DnsGuards } from './dns-guards.ts'
import { readDomainLists } from './domain-lists.ts'
import { HeldAnswers } from './held-answers.ts'
import { Identification } from './identification.ts'
import type { InspectionOrder, InspectionReport, InspectionSetup } from './inspection.protocol.ts'
import { Inspector } from './inspector.ts'
import { sumsOf } from './not-inspected.ts'
import { QueueLoop } from './queue-loop.ts'
import { Recollection } from './recollection.ts'
import { Reporter } from './reporter.ts'
import { TermsCache } from './terms-cache.ts'

/**
 * The thread that decides packets. It waits for them in the kernel, never in the event loop, and asks the main thread
 * only for the terms of conversations between ends that it has not met.
 */
const setup = workerData as InspectionSetup
const port = ownPort()
function ownPort(): MessagePort {
  if (!parentPort) throw new Error('this module runs as a worker')
  return parentPort
}
const post = (report: InspectionReport): void => port.postMessage(report)

/** Packets that may wait for their verdict in the kernel. */
const QUEUE_LENGTH = 8_192
const AGE_MS = 60_000
/** How long an order, a report or the end may have to wait while no packet comes. */
const WAIT_MS = 50

const terms = new TermsCache((key, ends) => post({ kind: 'ask', key, ends }))
const reporter = new Reporter(
  report =>
    post({
      kind: 'told',
      report,
      flows: inspector.flows + identification.flows,
      notInspected: sumsOf([inspector.notInspected, identification.notInspected]),
    }),
  () => performance.now(),
)
const answers = new HeldAnswers({
  program: (number, names) => post({ kind: 'answered', number, names }),
  now: () => performance.now(),
})
const known = (definitions: readonly ApplicationDefinition[]) => ({
  identifier: new Identifier({ protocols: PROTOCOLS, custom: customProtocols(definitions) }),
  overrides: compileOverrides(definitions),
})
const lists = setup.domainLists === undefined ? undefined : readDomainLists(setup.domainLists).index
const now = (): EpochMs => Date.now() as EpochMs // milliseconds since the epoch, as the type says
// Whatever ends this thread closes them: a queue that stayed bound would hold its packets for ever, whatever its policy.
using own = openRawPackets({ netns: setup.netns, mark: OWN_PACKET })
const released = new Recollection<FlowFacts>(LIMITS.releasedFlows.value)
const defined = known(setup.definitions)
const inspector = new Inspector({
  ...defined,
  released,
  identify: setup.identify,
  terms: ends => terms.of(ends),
  notice(ends, notice) {
    if (notice.kind === 'judged') reporter.requests.add(ends, notice)
    else if (notice.kind !== 'detail') reporter.tell({ ends, notice })
  },
  answered: names => answers.note(names),
  send: packet => own.send(packet),
  dns: new DnsGuards({ seen: new SeenNames(now()), ...(lists && { lists }) }, now),
})
const identification = new Identification({
  ...defined,
  released,
  notice: (ends, notice) => reporter.tell({ ends, notice }),
})
const { closed, open, identify } = setup.numbers
const definitions = (pair: Readonly<Record<QueueSide, number>>, failOpen: boolean) =>
  [pair.original, pair.reply].map(number => ({ number, length: QUEUE_LENGTH, failOpen }))
using queue = openPacketQueue({
  netns: setup.netns,
  waitMs: WAIT_MS,
  queues: [...definitions(closed, false), ...definitions(open, true), ...definitions(identify, true)],
})
const loop = new QueueLoop({ queue, numbers: setup.numbers, inspector, identification, answers })

function define(definitions: ReturnType<typeof known>): void {
  inspector.define(definitions)
  identification.define(definitions)
}

let isStopped = false
function follow(order: InspectionOrder): void {
  switch (order.kind) {
    case 'terms':
      terms.set(order.key, order.terms)
      return
    case 'revise':
      terms.clear()
      inspector.revise()
      post({ kind: 'revised', number: order.number })
      return
    case 'renamed': {
      const servers = new Set(order.servers)
      terms.forget(servers)
      inspector.renamed(servers)
      post({ kind: 'revised', number: order.number })
      return
    }
    case 'programmed':
      answers.programmed(order.number)
      return
    case 'define':
      define(known(order.definitions))
      post({ kind: 'revised', number: order.number })
      return
    case 'heard':
      reporter.heard()
      return
    case 'stop':
      isStopped = true
  }
}

function takeOrders(): void {
  clearWake(setup.wake)
  for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port)) {
    follow(received.message as InspectionOrder)
  }
  loop.retry()
}

let agedAt = performance.now()
function age(): void {
  if (performance.now() - agedAt < AGE_MS) return
  agedAt = performance.now()
  inspector.age()
  identification.age()
}

const words = new Int32Array(setup.words)

post({ kind: 'ready' })
while (!isStopped) {
  if (Atomics.exchange(words, 0, 0) === 1) takeOrders()
  else if (terms.isWaiting || answers.isWaiting) {
    // Someone waits for an answer as well as for packets. Otherwise one system call less: orders are seen in between.
    const ready = waitReadable([queue.fd, setup.wake], reporter.dueIn ?? WAIT_MS)
    if (ready.includes(queue.fd)) loop.turn()
    if (ready.includes(setup.wake)) takeOrders()
  } else loop.turn(true)
  answers.expire()
  reporter.flush()
  age()
}
port.close()
