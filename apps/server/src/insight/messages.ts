import type { Asked } from '@sekisho/control'
import type { ErrorCode, Problem } from '@sekisho/core'

/** What the thread is started with. */
export interface Setup {
  readonly data: string
}

export interface Request {
  readonly id: number
  readonly asked: Asked
}

/** Errors lose their class between threads, so what a SekishoError says is sent as data. */
export type Reply =
  | { readonly kind: 'answer'; readonly id: number; readonly json: string }
  | {
      readonly kind: 'refused'
      readonly id: number
      readonly code: ErrorCode
      readonly detail: string
      readonly problems: readonly Problem[]
    }
  | { readonly kind: 'failed'; readonly id: number; readonly error: unknown }
