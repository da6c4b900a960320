import { type Clock, LIMITS, SekishoError } from '@sekisho/core'
import type { EventView, FlowView } from '../schema/records.ts'
import type { StreamMessage } from '../schema/stream.ts'
import { createPulse } from './pulse.ts'
import type { Timer } from './timer.ts'

/** At most four flushes a second: more than an eye follows, and a burst becomes one message. */
const FLUSH_MS = 250
/** Proxies close silent connections after a minute or less. */
const HEARTBEAT_MS = 15_000
const RETRY_MS = 2_000

type Resource = Extract<StreamMessage, { kind: 'changed' }>['what']

/** What browsers and the command line see live. One ring for all: a client is no more than a position in it. */
export interface Hub extends Disposable {
  flows(flows: readonly FlowView[]): void
  event(event: EventView): void
  changed(what: Resource): void
  readonly clients: number
  /** A stream of server-sent events. @param after `Last-Event-ID`. @throws SekishoError too-many */
  open(after: number | undefined): ReadableStream<Uint8Array>
  /** Ends all streams that are open; others may be opened. */
  end(): void
}

export interface HubOptions {
  readonly clock: Clock
  readonly timer: Timer
}

interface Entry {
  readonly id: number
  readonly bytes: Uint8Array
}

const encoder = new TextEncoder()
/** HTML Living Standard, section 9.2.6: `id`, `event` and `data` lines, closed by an empty one. */
const encode = (id: number, { kind, ...data }: StreamMessage): Uint8Array =>
  encoder.encode(`id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`)
const HEARTBEAT = encoder.encode(': still here\n\n')
const GREETING = encoder.encode(`retry: ${RETRY_MS}\n\n`)

/** Messages still to be sent, merged: the same news twice before a flush is told once. */
function createPending() {
  let flows: FlowView[] = []
  let events: EventView[] = []
  const resources = new Set<Resource>()
  const bounded = <T>(items: readonly T[], most: number, what: Resource): T[] => {
    if (items.length > most) resources.add(what)
    return items.slice(-most)
  }
  return {
    flows(more: readonly FlowView[]) {
      flows = bounded([...flows, ...more], LIMITS.flowsPerMessage.value, 'flows')
    },
    event(event: EventView) {
      events = bounded([...events, event], LIMITS.eventsPerMessage.value, 'events')
    },
    changed: (what: Resource) => void resources.add(what),
    take(): StreamMessage[] {
      const messages: StreamMessage[] = [
        ...(flows.length > 0 ? [{ kind: 'flows' as const, flows }] : []),
        ...events.map(event => ({ kind: 'event' as const, event })),
        ...[...resources].map(what => ({ kind: 'changed' as const, what })),
      ]
      flows = []
      events = []
      resources.clear()
      return messages
    },
  }
}

/** The last messages, bounded by number and bytes. Ids are consecutive. */
function createRing(firstId: number) {
  const entries: Entry[] = []
  let bytes = 0
  let next = firstId
  return {
    get next() {
      return next
    },
    add(message: StreamMessage) {
      const entry = { id: next, bytes: encode(next, message) }
      next++
      bytes += entry.bytes.length
      entries.push(entry)
      while (entries.length > LIMITS.streamRing.value || bytes > LIMITS.streamRingBytes.value) {
        bytes -= entries.shift()?.bytes.length ?? 0
      }
    },
    /** Undefined when it is not kept any more, or was never made here. */
    at: (id: number): Entry | undefined => entries[id - (next - entries.length)],
  }
}

export function createHub({ clock, timer }: HubOptions): Hub {
  const pulse = createPulse(timer)
  const pending = createPending()
  // Ids grow across restarts too: a client of the process before finds its id gone and is told to fetch again.
  const ring = createRing(clock.now() * 1000)
  let closing = new AbortController()
  let clients = 0
  let flushed = clock.monotonic() - FLUSH_MS
  let scheduled: Disposable | undefined

  const flush = () => {
    scheduled = undefined
    flushed = clock.monotonic()
    for (const message of pending.take()) ring.add(message)
    pulse.beat()
  }
  const schedule = () => {
    const wait = Math.max(0, FLUSH_MS - (clock.monotonic() - flushed))
    scheduled ??= timer.after(wait, flush)
  }
  /** `next` is the id that the client is to get next. */
  const read = async (
    next: number,
    signal: AbortSignal,
  ): Promise<{ bytes: Uint8Array; next: number } | undefined> => {
    if (next === ring.next) {
      const why = await pulse.next(HEARTBEAT_MS, signal)
      if (why === 'aborted') return undefined
      if (why === 'quiet' || next === ring.next) return { bytes: HEARTBEAT, next }
    }
    const entry = ring.at(next)
    if (entry) return { bytes: entry.bytes, next: next + 1 }
    return { bytes: encode(ring.next - 1, { kind: 'reset' }), next: ring.next }
  }

  return {
    get clients() {
      return clients
    },
    flows(flows) {
      if (flows.length === 0) return
      pending.flows(flows)
      schedule()
    },
    event(event) {
      pending.event(event)
      schedule()
    },
    changed(what) {
      pending.changed(what)
      schedule()
    },
    open(after) {
      if (clients >= LIMITS.streamClients.value) throw new SekishoError('too-many')
      clients++
      const left = new AbortController()
      const signal = AbortSignal.any([closing.signal, left.signal])
      signal.addEventListener('abort', () => void clients--, { once: true })
      let next = after === undefined ? ring.next : after + 1
      return new ReadableStream<Uint8Array>(
        {
          start: controller => controller.enqueue(GREETING),
          async pull(controller) {
            const chunk = await read(next, signal)
            if (chunk === undefined) return left.signal.aborted ? undefined : controller.close()
            next = chunk.next
            controller.enqueue(chunk.bytes)
          },
          cancel: () => left.abort(),
        },
        { highWaterMark: 1 },
      )
    },
    end() {
      closing.abort()
      closing = new AbortController()
    },
    [Symbol.dispose]() {
      scheduled?.[Symbol.dispose]()
      closing.abort()
    },
  }
}
