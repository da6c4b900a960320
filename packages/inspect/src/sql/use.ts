import type { Reading } from '../reading.ts'

const USE = /^\s*use\s+(?:\[([^\]]+)\]|"([^"]+)"|`([^`]+)`|([\w$#@]+))\s*(?:;\s*)?$/i

/** Which database a text that is nothing but `use shop` changes to; unquoted names as written. */
export function usedDatabase(text: string): string | undefined {
  const [, bracketed, quoted, ticked, plain] = USE.exec(text) ?? []
  return bracketed ?? quoted ?? ticked ?? plain
}

/** Whether another database is used from here on, or somewhere within. */
export const isMoving = (readings: readonly Reading[]): boolean =>
  readings.some(
    reading =>
      reading.kind === 'request' && reading.request.kind === 'sql' && reading.request.statement === 'use',
  )
