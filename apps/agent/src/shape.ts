import { fail, isRecord, ok, type Result } from '@sekisho/core'

/**
 * Readers of untrusted JSON: each returns the typed value or raises `Misshapen` with the path of the first mistake.
 * Unknown keys are left out, not refused, so that a newer server can say more to an older agent.
 */
export type Shape<T> = (json: unknown, path: string) => T

class Misshapen extends Error {
  override readonly name = 'Misshapen'
}

const refuse = (path: string, wanted: string): never => {
  throw new Misshapen(`${path === '' ? 'the document' : path} is not ${wanted}`)
}

export const text =
  (most: number): Shape<string> =>
  (json, path) =>
    typeof json === 'string' && json.length <= most
      ? json
      : refuse(path, `a text of at most ${most} characters`)

/** A text that passes a test of its own, for instance a canonical address. */
export const textLike =
  <T extends string = string>(test: (text: string) => boolean, wanted: string): Shape<T> =>
  (json, path) =>
    // The test is what makes it a T.
    typeof json === 'string' && test(json) ? (json as T) : refuse(path, wanted)

export const oneOf =
  <const T extends string>(values: readonly T[]): Shape<T> =>
  (json, path) =>
    values.find(value => value === json) ?? refuse(path, `one of ${values.join(', ')}`)

export const integer =
  (most: number): Shape<number> =>
  (json, path) =>
    typeof json === 'number' && Number.isInteger(json) && json >= 0 && json <= most
      ? json
      : refuse(path, `a whole number of at most ${most}`)

export const truth: Shape<boolean> = (json, path) =>
  typeof json === 'boolean' ? json : refuse(path, 'true or false')

export const list =
  <T>(item: Shape<T>, most: number): Shape<readonly T[]> =>
  (json, path) =>
    Array.isArray(json) && json.length <= most
      ? json.map((each, i) => item(each, `${path}[${i}]`))
      : refuse(path, `a list of at most ${most}`)

export const record: Shape<Readonly<Record<string, unknown>>> = (json, path) =>
  isRecord(json) ? json : refuse(path, 'an object')

export const dictionary =
  <T>(item: Shape<T>, most: number): Shape<Readonly<Record<string, T>>> =>
  (json, path) => {
    const entries = Object.entries(record(json, path))
    if (entries.length > most) refuse(path, `an object of at most ${most} keys`)
    return Object.fromEntries(entries.map(([key, value]) => [key, item(value, `${path}.${key}`)]))
  }

type Fields<T> = { readonly [K in keyof T]-?: Shape<Exclude<T[K], undefined>> }

type OptionalKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T]

/** An object; keys named in `optional` may be absent and stay absent then. */
export const object =
  <T extends object>(fields: Fields<T>, optional: readonly OptionalKeys<T>[] = []): Shape<T> =>
  (json, path) => {
    const source = record(json, path)
    const result: Partial<Record<keyof T, unknown>> = {}
    for (const key of Object.keys(fields) as (keyof T & string)[]) {
      const value = Object.hasOwn(source, key) ? source[key] : undefined
      if (value === undefined && (optional as readonly PropertyKey[]).includes(key)) continue
      result[key] = fields[key](value, path === '' ? key : `${path}.${key}`)
    }
    return result as T // every field was read by its own shape
  }

/** The value of that shape, or the sentence that says what is wrong with it. */
export function read<T>(shape: Shape<T>, json: unknown): Result<T, string> {
  try {
    return ok(shape(json, ''))
  } catch (error) {
    if (error instanceof Misshapen) return fail(error.message)
    throw error
  }
}

export function readJson<T>(shape: Shape<T>, source: string): Result<T, string> {
  let json: unknown
  try {
    json = JSON.parse(source)
  } catch (error) {
    if (error instanceof SyntaxError) return fail(`not JSON: ${error.message}`)
    throw error
  }
  return read(shape, json)
}
