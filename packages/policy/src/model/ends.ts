import { formatIp, LIMITS, parseIp, type WorkloadId } from '@sekisho/core'
import type { FlowQuery, QueryEnd } from '../decision.ts'
import { End } from './entry.ts'
import type { ModelIndex } from './model-index.ts'

/** A flow both of whose ends are looked up. */
export interface FlowEnds {
  readonly source: End
  readonly destination: End
}

/** Ends by their names and by the texts of their addresses: the same few are asked for again and again. */
export class Ends {
  readonly #index: ModelIndex
  readonly #named = new Map<WorkloadId, End>()
  readonly #addressed = new Map<string, End>()
  readonly #nowhere = new End(undefined)
  #outside = 0

  constructor(index: ModelIndex) {
    this.#index = index
  }

  /** To be called where a workload or what it stands for is another. */
  forgetNamed(id: WorkloadId): void {
    this.#named.delete(id)
  }

  /** To be called where the owner of an address may be another. */
  forgetAddress(text: string): void {
    const end = this.#addressed.get(text)
    if (!end) return
    this.#addressed.delete(text)
    if (!end.owner) this.#outside--
  }

  /**
   * A workload that is named is meant, whatever address it has now. One that is not known any more is an outside
   * address: its address may be another's by now, which must not inherit the question.
   */
  find({ workload, ip: text }: QueryEnd): End {
    if (text === undefined) return workload === undefined ? this.#nowhere : this.#byName(workload)
    if (workload === undefined) return this.#at(text)
    const held = this.#addressed.get(text)
    return held !== undefined && held.id === workload ? held : this.#namedAt(workload, text)
  }

  #byName(id: WorkloadId): End {
    const held = this.#named.get(id)
    if (held) return held
    const entry = this.#index.entry(id)
    if (!entry) return this.#nowhere
    this.#named.set(id, entry.first)
    return entry.first
  }

  #namedAt(id: WorkloadId, text: string): End {
    const entry = this.#index.entry(id)
    if (entry) return entry.endAt(text) ?? new End(entry, text, parseIp(text))
    return this.#index.hostAddresses.owner(text)?.endAt(text) ?? outsideAt(text) ?? this.#nowhere
  }

  #at(text: string): End {
    return this.#addressed.get(text) ?? this.#find(text)
  }

  #find(text: string): End {
    const { addresses, hostAddresses } = this.#index
    const owned = addresses.owner(text)?.endAt(text) ?? hostAddresses.owner(text)?.endAt(text)
    if (owned) return this.#keep(text, owned)
    const end = outsideAt(text)
    if (end?.text === undefined) return this.#nowhere
    return end.text === text ? this.#keep(text, end) : this.#at(end.text)
  }

  #keep(text: string, end: End): End {
    if (!end.owner && ++this.#outside > LIMITS.parsedAddresses.value) {
      this.#addressed.clear()
      this.#outside = 1
    }
    this.#addressed.set(text, end)
    return end
  }
}

/** Nobody's, with its canonical text; undefined where there is no such address. */
function outsideAt(text: string): End | undefined {
  const ip = parseIp(text)
  return ip && new End(undefined, formatIp(ip), ip)
}

/** Of who is named and has several addresses, that of the other end's family is meant. */
export function findEnds({ ends }: ModelIndex, query: FlowQuery): FlowEnds {
  const source = ends.find(query.source)
  const destination = ends.find(query.destination)
  if (query.source.ip === undefined) return { source: source.of(destination.family), destination }
  if (query.destination.ip === undefined) return { source, destination: destination.of(source.family) }
  return { source, destination }
}
