import type { Clock } from '@sekisho/core'

type Fields = Readonly<Record<string, string | number | boolean>>

/** One JSON object per line. Never given a secret, a cookie or a request's body. */
export interface Log {
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, error: unknown, fields?: Fields): void
}

/** @param write one line without its end; the server's is stderr. */
export function createLog(write: (line: string) => void, clock: Pick<Clock, 'now'>): Log {
  const entry = (level: 'info' | 'warn' | 'error', message: string, fields: Fields) =>
    write(JSON.stringify({ time: new Date(clock.now()).toISOString(), level, message, ...fields }))
  return {
    info: (message, fields = {}) => entry('info', message, fields),
    warn: (message, fields = {}) => entry('warn', message, fields),
    error(message, error, fields = {}) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
      entry('error', message, { ...fields, error: reason })
    },
  }
}
