import { useCallback, useMemo } from 'react'
import { useLocation, useSearch } from 'wouter'

/** One value in the address: unreadable text becomes the default, and the default is not written. */
export interface Param<T> {
  readonly parse: (text: string | null) => T
  /** Null leaves the parameter out. */
  readonly format: (value: T) => string | null
}

export const text = (fallback = ''): Param<string> => ({
  parse: value => value ?? fallback,
  format: value => (value === fallback ? null : value),
})

export const optional: Param<string | undefined> = {
  parse: value => value ?? undefined,
  format: value => value ?? null,
}

export const flag: Param<boolean> = {
  parse: value => value === '1',
  format: value => (value ? '1' : null),
}

export const oneOf = <const T extends string>(values: readonly T[], fallback: T): Param<T> => ({
  parse: value => values.find(candidate => candidate === value) ?? fallback,
  format: value => (value === fallback ? null : value),
})

/** Names separated by commas: namespaces, ids. */
export const list: Param<readonly string[]> = {
  parse: value => value?.split(',').filter(item => item !== '') ?? [],
  format: value => (value.length === 0 ? null : value.join(',')),
}

export type Codec<S> = { readonly [K in keyof S]: Param<S[K]> }

export function decode<S extends object>(codec: Codec<S>, search: string): S {
  const params = new URLSearchParams(search)
  const keys = Object.keys(codec) as (keyof S & string)[]
  // Each key of the codec is filled from its own Param, so the object is an S.
  return Object.fromEntries(keys.map(key => [key, codec[key].parse(params.get(key))])) as S
}

/** The query text, without `?`; parameters that the codec does not know are kept. */
export function encode<S extends object>(codec: Codec<S>, state: S, search = ''): string {
  const params = new URLSearchParams(search)
  for (const key of Object.keys(codec) as (keyof S & string)[]) {
    const value = codec[key].format(state[key])
    if (value === null) params.delete(key)
    else params.set(key, value)
  }
  return params.toString()
}

/** An address inside the console: `to('/flows', FLOWS, { filter: 'ns:shop' })`. */
export function to<S extends object>(path: string, codec: Codec<S>, patch: Partial<S>): string {
  const search = encode(codec, { ...decode(codec, ''), ...patch })
  return search === '' ? path : `${path}?${search}`
}

export type UrlUpdate<S> = (patch: Partial<S>, options?: { readonly replace?: boolean }) => void

/** State that lives in the address bar, so that every view can be shared, bookmarked and gone back from. */
export function useUrlState<S extends object>(codec: Codec<S>): readonly [S, UrlUpdate<S>] {
  const search = useSearch()
  const [path, navigate] = useLocation()
  const state = useMemo(() => decode(codec, search), [codec, search])
  const update = useCallback<UrlUpdate<S>>(
    (patch, { replace = true } = {}) => {
      const next = encode(codec, { ...decode(codec, search), ...patch }, search)
      navigate(next === '' ? path : `${path}?${next}`, { replace })
    },
    [codec, search, path, navigate],
  )
  return [state, update]
}
