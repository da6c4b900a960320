import type { Enforcing } from '@sekisho/policy'
import type { Store } from '@sekisho/store'

/** What all agents do, as far as they have said what they do. */
export const enforcing = ({ agents }: Pick<Store, 'agents'>): Enforcing => ({
  inspection: agents.list().every(({ status }) => !status || status.inspection !== undefined),
})
