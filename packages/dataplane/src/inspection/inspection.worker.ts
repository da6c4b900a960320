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
/** How long a report may have to wait while no packet comes. */
const WAIT_MS = 50
/**
 * While packets follow each other so closely, the thread waits for them in the call that receives them: one system call
 * less for each. Orders are seen in between, or after this.
 */
const NEXT_PACKET_MS = 4

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
    else reporter.tell({ ends, notice })
  },
  answered: names => answers.note(names),
  send: packet => own.send(packet),
  dns: new DnsGuards({ seen: new SeenNames(now()), ...(lists && { lists }) }, now),
})
const identification = new Identification({
  ...defined,
  released,
  notice: (ends, notice, details) => reporter.tell({ ends, notice }, details),
})
const { closed, open, identify } = setup.numbers
const definitions = (pair: Readonly<Record<QueueSide, number>>, failOpen: boolean) =>
  [pair.original, pair.reply].map(number => ({ number, length: QUEUE_LENGTH, failOpen }))
using queue = openPacketQueue({
  netns: setup.netns,
  waitMs: NEXT_PACKET_MS,
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

/** Waits for packets and orders alike. */
function wait(): void {
  const ready = waitReadable([queue.fd, setup.wake], Math.min(reporter.dueIn ?? WAIT_MS, WAIT_MS))
  if (ready.includes(queue.fd)) isBusy = loop.turn()
  if (ready.includes(setup.wake)) takeOrders()
}

const words = new Int32Array(setup.words)
let isBusy = false

post({ kind: 'ready' })
while (!isStopped) {
  if (Atomics.exchange(words, 0, 0) === 1) takeOrders()
  else if (isBusy && !terms.isWaiting && !answers.isWaiting) isBusy = loop.turn(true)
  else wait()
  answers.expire()
  reporter.flush()
  age()
}
port.close()
