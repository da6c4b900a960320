import type { Election } from '@sekisho/kube'
import type { Duty } from '../duty.ts'

export interface Standing {
  readonly election: Pick<Election, 'leads' | 'holder'>
  /** Of this candidate. */
  readonly identity: string
  /** One of several servers. */
  readonly elected: boolean
  /** The database knew something before the cluster was asked. */
  readonly knewBefore: boolean
  /** All that the cluster has is in force here. */
  readonly isRead: () => boolean
}

export interface ClusterDuty extends Duty {
  /** All that the cluster has was in force here once; from then on it is followed. */
  readonly isRead: boolean
}

/** What a server of a cluster may do, by the lease and by what it has read. */
export function dutyOf({ election, identity, elected, knewBefore, isRead }: Standing): ClusterDuty {
  let wasRead = false
  const others = (holder: string) => holder !== '' && holder !== identity
  return {
    get standby() {
      if (!elected || election.leads) return undefined
      const { holder } = election
      return `This server stands by; ${others(holder) ? `${holder} leads` : 'it does not know who leads'}.`
    },
    get isRead() {
      wasRead ||= isRead()
      return wasRead
    },
    get unread() {
      return this.isRead || (!elected && knewBefore) ? undefined : 'The cluster has not been read yet.'
    },
    get leads() {
      return election.leads
    },
  }
}
