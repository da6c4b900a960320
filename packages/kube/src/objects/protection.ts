import type { ProtectionWord } from '@sekisho/core'
import type { KubeObject } from '../object.ts'

const FIREWALL = 'sekisho.dev/firewall'
const PROFILE = 'sekisho.dev/profile'

type Metadata = Pick<KubeObject, 'annotations' | 'labels'>

/** The annotation, else the label. What is neither word nor "disabled" protects: nothing opens by a slip of the pen. */
export function protectionWord({ annotations, labels }: Metadata): ProtectionWord | undefined {
  const word = annotations[FIREWALL] ?? labels[FIREWALL]
  return word === undefined || word === 'disabled' || word === 'required' ? word : 'enabled'
}

/**
 * Whether policies that select a pod are enforced: the innermost word counts, up to where one is `required`.
 * @param words from the outermost in: cluster, namespace, pod.
 */
export function isProtected(words: readonly (ProtectionWord | undefined)[]): boolean {
  const end = words.indexOf('required')
  if (end >= 0) return true
  return words.findLast(word => word !== undefined) !== 'disabled'
}

/** Policies select by labels: a profile that is asked for by annotation is seen as the label of that name. */
export function profileLabel({ annotations }: Metadata): Readonly<Record<string, string>> {
  const profile = annotations[PROFILE]
  return profile !== undefined && LABEL_VALUE.test(profile) ? { [PROFILE]: profile } : {}
}
const LABEL_VALUE = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
