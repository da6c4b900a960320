import type { ExplanationView, ModelView } from '@sekisho/control'
import type { Coverage, DifferenceProof, ReachProof } from '@sekisho/policy'

/** What can be asked about policies while they are written. Ends and ports as `sekisho policy prove` takes them. */
export type Question =
  | { readonly kind: 'explain'; readonly from: string; readonly to: string; readonly port: string }
  | { readonly kind: 'reach'; readonly from: string; readonly to: string; readonly port: string }
  | { readonly kind: 'difference' }
export type QuestionKind = Question['kind']

export interface Asked {
  /** What is in force, fetched when the question is asked. */
  readonly model: ModelView
  /** The documents being edited: they replace those of the same name. */
  readonly yaml: string
  readonly question: Question
}

export type Answer =
  | {
      readonly kind: 'explain'
      readonly view: Pick<ExplanationView, 'outcome' | 'sentences' | 'considered' | 'change'>
    }
  | { readonly kind: 'reach'; readonly proof: ReachProof }
  | { readonly kind: 'difference'; readonly proof: DifferenceProof }
  /** A field of the question cannot be read, or names nothing that is there. */
  | { readonly kind: 'misread'; readonly field: 'from' | 'to' | 'port' }
  /** There is no flow between the two ends at all. */
  | { readonly kind: 'nothing' }

export type Told = { readonly kind: 'progress'; readonly covered: Coverage } | Answer
