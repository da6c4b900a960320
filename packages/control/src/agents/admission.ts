import {
  type Batch,
  type Flow,
  type NodeName,
  SekishoError,
  type Workload,
  type WorkloadId,
} from '@sekisho/core'

/** What an agent said that is not its own to say. */
export interface Refused {
  /** Workloads that another node already reports, by name or by an address, which is then left out. */
  readonly workloads: readonly WorkloadId[]
  /** Flows between workloads of other nodes only. */
  readonly flows: number
}

export interface Admitted {
  readonly batch: Batch
  readonly refused: Refused
}

export interface Admission {
  /**
   * A node speaks for itself only: one that was broken into must not rename the workloads of others (and so
   * change whom policies select) nor invent flows between them (and so teach the server to allow them).
   * @throws SekishoError forbidden for a batch in another node's name.
   */
  admit(batch: Batch, node: NodeName): Admitted
}

export interface AdmissionOptions {
  /** The current workload of that id, if any. */
  readonly owner: (id: WorkloadId) => Workload | undefined
  /** The workload that has an address now, if any. */
  readonly workloadAt: (ip: string) => Workload | undefined
  /** The node's agent was heard of lately. What a dead node reported may be taken over: its pods start elsewhere. */
  readonly alive: (node: NodeName) => boolean
}

export function createAdmission({ owner, workloadAt, alive }: AdmissionOptions): Admission {
  /** Whole reports of which a part was refused: tried again, because the other node may have let go since. */
  const contested = new Map<NodeName, readonly Workload[]>()
  const isHeld = ({ kind, node, state }: Workload): boolean =>
    // What was declared stays so, whoever runs there.
    kind === 'external' || (state !== 'finished' && alive(node))
  const othersHave = (current: Workload | undefined, node: NodeName): boolean =>
    current !== undefined && current.node !== node && isHeld(current)
  const foreign = (id: WorkloadId, node: NodeName): boolean => othersHave(owner(id), node)
  /** Or every policy that lets this workload in would let in the one whose address it says it has. */
  const withoutTaken = (workload: Workload, node: NodeName): Workload => {
    const isTaken = (ip: string): boolean => {
      const owner = workloadAt(ip)
      // Services of a machine have its addresses: then the declaration is wrong, and is told so.
      return !(workload.hostNetwork && owner?.kind === 'external') && othersHave(owner, node)
    }
    const addresses = workload.addresses.filter(ip => !isTaken(ip))
    return addresses.length === workload.addresses.length ? workload : { ...workload, addresses }
  }
  const invented = ({ source, destination }: Flow, node: NodeName): boolean => {
    const ends = [source.workload, destination.workload].filter(id => id !== undefined)
    return ends.length > 0 && ends.every(id => foreign(id, node))
  }
  return {
    admit(batch, node) {
      const names = [
        batch.node,
        batch.status?.node ?? node,
        ...(batch.workloads ?? []).map(each => each.node),
      ]
      if (names.some(name => name !== node))
        throw new SekishoError('forbidden', 'An agent speaks for its own node only.')
      const { workloads: reported = contested.get(node), ...rest } = batch
      const own = reported?.filter(({ id }) => !foreign(id, node)).map(each => withoutTaken(each, node))
      const whole = new Set(own)
      const workloads = reported?.filter(each => !whole.has(each)).map(({ id }) => id) ?? []
      if (reported && workloads.length > 0) contested.set(node, reported)
      else if (reported) contested.delete(node)
      const flows = batch.flows.filter(flow => !invented(flow, node))
      return {
        batch: { ...rest, flows, ...(own ? { workloads: own } : {}) },
        refused: { workloads, flows: batch.flows.length - flows.length },
      }
    },
  }
}
