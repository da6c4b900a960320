import { LABEL_WORD, type Labels } from './labels.ts'

/** What a cluster, a namespace or a pod says of protection: `required` is `enabled`, and what is inside of it has no say. */
export const PROTECTION_WORDS = ['enabled', 'disabled', 'required'] as const
export type ProtectionWord = (typeof PROTECTION_WORDS)[number]

export const FIREWALL = 'sekisho.dev/firewall'
const PROFILE = 'sekisho.dev/profile'

/** Of an object of Kubernetes; annotations are written as labels are. */
interface Metadata {
  readonly annotations: Labels
  readonly labels: Labels
}

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

/** To say nothing leaves it to whoever is around: less than to ask for it, more than to be left out. */
const STRENGTH = { required: 3, enabled: 2, disabled: 0 } as const satisfies Record<ProtectionWord, number>
const strength = (word: ProtectionWord | undefined): number => (word === undefined ? 1 : STRENGTH[word])

/**
 * Whether something that is protected says less of its protection than before.
 * @param around words of what it is in, from the outermost in; where one is `required` its own mean nothing.
 */
export function isWeakened(
  around: readonly (ProtectionWord | undefined)[],
  before: ProtectionWord | undefined,
  after: ProtectionWord | undefined,
): boolean {
  if (around.includes('required') || !isProtected([...around, before])) return false
  return strength(after) < strength(before)
}

/** Policies select by labels: a profile that is asked for by annotation is seen as the label of that name. */
export function profileLabel({ annotations }: Metadata): Readonly<Record<string, string>> {
  const profile = annotations[PROFILE]
  return profile !== undefined && LABEL_VALUE.test(profile) ? { [PROFILE]: profile } : {}
}
const LABEL_VALUE = new RegExp(`^${LABEL_WORD}$`)
