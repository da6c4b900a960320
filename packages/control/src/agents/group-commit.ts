import type { Store } from '@sekisho/store'

/** Writes what comes in one turn of the event loop in one transaction: the disk is waited for once, and not by each. */
export interface GroupCommit<T, R> {
  /** Resolves when it is on disk; rejects with what writing it threw, or with why nothing of its group is there. */
  write(item: T): Promise<R>
}

export interface GroupCommitOptions<T, R> {
  readonly store: Pick<Store, 'transaction'>
  /** Writes one, all of it or, where it throws, nothing. */
  readonly write: (item: T) => R
  /** How much work one is, of `MOST` in a group. */
  readonly weight: (item: T) => number
  /** What comes next must find this one on disk, and whatever is made of it. */
  readonly endsGroup: (result: R) => boolean
  /** Runs something in another turn of the event loop. */
  readonly later?: (run: () => void) => void
}

/** So that a group is done in well under a tenth of a second. */
const MOST = 1_000

interface Waiting<T, R> extends PromiseWithResolvers<R> {
  readonly item: T
}

export function createGroupCommit<T, R>(options: GroupCommitOptions<T, R>): GroupCommit<T, R> {
  const { store, write, weight, endsGroup, later = setImmediate } = options
  const waiting: Waiting<T, R>[] = []

  /** @returns what is to be said when it is committed, and whether others may follow in the group. */
  const attempt = ({ item, resolve, reject }: Waiting<T, R>) => {
    try {
      const result = write(item)
      return { say: () => resolve(result), ends: endsGroup(result) }
    } catch (error) {
      return { say: () => reject(error), ends: false }
    }
  }

  const commit = () => {
    const group: Waiting<T, R>[] = []
    try {
      const done = store.transaction(() => {
        const said: (() => void)[] = []
        let left = MOST
        for (let next = waiting.shift(); next; next = left > 0 ? waiting.shift() : undefined) {
          group.push(next)
          const { say, ends } = attempt(next)
          said.push(say)
          left = ends ? 0 : left - weight(next.item)
        }
        return said
      })
      for (const say of done) say()
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
    if (waiting.length > 0) later(commit)
  }

  return {
    write(item) {
      const settled = Promise.withResolvers<R>()
      waiting.push({ item, ...settled })
      if (waiting.length === 1) later(commit)
      return settled.promise
    },
  }
}
