/** A connection that a pool may hold. */
export interface Connection {
  close(): void
}

export interface Pool<C extends Connection> {
  use<T>(call: (connection: C) => Promise<T>): Promise<T>
}

/**
 * One connection, opened when it is first needed, thrown away when a call fails, and replaced after some time.
 * So a program has long-lived connections, which a change of policy must stop too, and new ones.
 */
export function openPool<C extends Connection>(open: () => Promise<C>, lifetimeMs: number): Pool<C> {
  let held: { readonly connection: Promise<C>; readonly until: number } | undefined
  const drop = () => {
    void held?.connection.then(
      connection => connection.close(),
      () => undefined, // its opener has the error
    )
    held = undefined
  }
  return {
    async use(call) {
      if (held && held.until < performance.now()) drop()
      held ??= { connection: open(), until: performance.now() + lifetimeMs }
      try {
        return await call(await held.connection)
      } catch (error) {
        drop()
        throw error
      }
    },
  }
}

/**
 * How long an ordinary program waits for an answer. Far more than any takes on a busy machine: what is counted as
 * failed was stopped.
 */
export const PATIENCE_MS = 15_000

/** A line of calls over one socket: replies come in the order of the questions. */
export interface Waiting<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

export function within<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no answer in ${timeoutMs} ms`)), timeoutMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
