import type { Timers } from '@sekisho/core'
import type { KubeClient, ReflectorOptions, ResourceType } from '@sekisho/kube'

/** By which the API server tells what this server writes from what others do. */
export const FIELD_MANAGER = 'sekisho-server'

/** What everything that follows the cluster shares. */
export interface ClusterWatch {
  readonly client: KubeClient
  readonly timers: Timers
  readonly random: () => number
  /** Something failed, and is tried again; undefined when it works again. */
  onTrouble(what: string, error: unknown): void
  options(type: ResourceType): Pick<ReflectorOptions<never>, 'client' | 'timers' | 'random' | 'onTrouble'>
}

export function createWatch(of: Omit<ClusterWatch, 'options'>): ClusterWatch {
  const { client, timers, random, onTrouble } = of
  return {
    client,
    timers,
    random,
    onTrouble,
    options: ({ plural, group }) => ({
      client,
      timers,
      random,
      onTrouble: error => onTrouble(`${plural}${group === '' ? '' : `.${group}`} cannot be watched`, error),
    }),
  }
}
