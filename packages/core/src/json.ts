/** Looks into JSON that others wrote. What is not there, or of another type, is absent; nothing is converted. */

export type JsonRecord = Readonly<Record<string, unknown>>

export const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function valueAt(json: unknown, ...path: readonly string[]): unknown {
  let value = json
  for (const key of path) value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
  return value
}

export function textAt(json: unknown, ...path: readonly string[]): string | undefined {
  const value = valueAt(json, ...path)
  return typeof value === 'string' ? value : undefined
}

export function listAt(json: unknown, ...path: readonly string[]): readonly unknown[] {
  const value = valueAt(json, ...path)
  return Array.isArray(value) ? value : []
}

/** A map of texts, such as labels; entries of other types are left out. */
export function textsAt(json: unknown, ...path: readonly string[]): Readonly<Record<string, string>> {
  const value = valueAt(json, ...path)
  if (!isRecord(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
