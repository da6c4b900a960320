/** Something that a check found, with the numbers that decided. Names and domains are in the form in which they are compared. */
export type DnsFinding =
  | { readonly check: 'resolver'; readonly resolver: string; readonly name: string }
  | { readonly check: 'unasked-answer'; readonly name: string }
  | { readonly check: 'changed-answer'; readonly name: string; readonly before: string; readonly now: string }
  | { readonly check: 'foreign-record'; readonly name: string; readonly owner: string }
  | { readonly check: 'rebinding'; readonly name: string; readonly address: string }
  | { readonly check: 'tunnel'; readonly domain: string; readonly evidence: TunnelEvidence }
  | { readonly check: 'generated'; readonly name: string; readonly domain: string; readonly score: number }
  | {
      readonly check: 'generated-burst'
      readonly names: number
      readonly missing: number
      readonly example: string
    }
  | { readonly check: 'look-alike'; readonly name: string; readonly like: string; readonly how: Likeness }
  | { readonly check: 'new-name'; readonly name: string; readonly domain: string }
  | { readonly check: 'listed'; readonly name: string; readonly domain: string; readonly list: string }

export type DnsCheck = DnsFinding['check']

/** What went through a domain within the window. */
export interface TunnelEvidence {
  readonly queries: number
  /** Names below the domain with something new in them. */
  readonly names: number
  /** Of different labels of these names. */
  readonly bytes: number
  readonly bitsPerLetter: number
  /** Questions for types that carry data. */
  readonly carrying: number
  readonly answerBytes: number
  readonly seconds: number
}

/**
 * In which way a name is like another: letters that look the same, one letter changed, another suffix, or the other name
 * as a part of it.
 */
export const LIKENESSES = ['letters', 'one-letter', 'suffix', 'part'] as const
export type Likeness = (typeof LIKENESSES)[number]
