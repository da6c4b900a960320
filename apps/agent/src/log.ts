export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** One JSON object per line on standard error. */
export interface Log {
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, error: unknown, fields?: LogFields): void
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export function createLog(write: (line: string) => void): Log {
  const entry = (level: string, message: string, fields: LogFields) =>
    write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`)
  return {
    info: (message, fields = {}) => entry('info', message, fields),
    warn: (message, fields = {}) => entry('warn', message, fields),
    error: (message, error, fields = {}) => entry('error', message, { ...fields, reason: reasonOf(error) }),
  }
}
