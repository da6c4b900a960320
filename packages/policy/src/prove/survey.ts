import { LIMITS } from '@sekisho/core'
import type { Model } from '../model/model.ts'
import { type FlowSet, type Meant, type Pair, type Piece, pairs, piecesOf } from './pieces.ts'
import type { Coverage } from './result.ts'
import type { Space } from './space.ts'

/** How much a proof may look at, and who wants to know how far it is. */
export interface SurveyOptions {
  /** Pieces at most, `LIMITS.proofPieces` unless given; an answer that needs more says that it is not complete. */
  readonly most?: number
  /** Called now and then while a proof runs. */
  readonly progress?: (sofar: Coverage) => void
}

const EVERY = 1 << 16

/** Goes through the flows of a question piece by piece: counts them, tells how far it is, and ends at the bound. */
export class Survey {
  readonly #most: number
  readonly #progress: SurveyOptions['progress']
  #pairs = 0
  #pieces = 0
  #complete = true

  constructor({ most = LIMITS.proofPieces.value, progress }: SurveyOptions) {
    this.#most = most
    this.#progress = progress
  }

  get covered(): Coverage {
    return { pairs: this.#pairs, pieces: this.#pieces, complete: this.#complete }
  }

  pairs(model: Model, space: Space, flows: FlowSet, meant?: Meant): Generator<Pair> {
    return this.counted(pairs(model, space, flows, meant))
  }

  *counted(each: Iterable<Pair>): Generator<Pair> {
    for (const pair of each) {
      if (!this.#complete) return
      this.#pairs++
      yield pair
    }
  }

  *pieces(pair: Pair, ports: FlowSet['ports']): Generator<Piece> {
    for (const piece of piecesOf(pair, ports)) {
      if (this.#pieces === this.#most) {
        this.#complete = false
        return
      }
      this.#pieces++
      if (this.#pieces % EVERY === 0) this.#progress?.(this.covered)
      yield piece
    }
  }
}
