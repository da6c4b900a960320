import { createContext, type ReactNode, use, useMemo } from 'react'
import type { Dictionary } from './en/index.ts'
import { createFormat, type Format, type Locale } from './format.ts'

const LOADERS = {
  en: async () => (await import('./en/index.ts')).en,
  ja: async () => (await import('./ja/index.ts')).ja,
} satisfies Record<Locale, () => Promise<Dictionary>>

/** Only the language that is shown is downloaded. */
export const loadDictionary = (locale: Locale): Promise<Dictionary> => LOADERS[locale]()

export interface I18n {
  /** The sentences. */
  readonly t: Dictionary
  /** Numbers and times. */
  readonly f: Format
  readonly locale: Locale
  readonly setLocale: (locale: Locale) => void
}

const Context = createContext<I18n | undefined>(undefined)

export interface I18nProviderProps {
  readonly locale: Locale
  readonly dictionary: Dictionary
  readonly setLocale: (locale: Locale) => void
  readonly children: ReactNode
}

export function I18nProvider({ locale, dictionary, setLocale, children }: I18nProviderProps) {
  const value = useMemo(
    () => ({ t: dictionary, f: createFormat(locale), locale, setLocale }),
    [locale, dictionary, setLocale],
  )
  return <Context value={value}>{children}</Context>
}

export function useI18n(): I18n {
  const value = use(Context)
  if (!value) throw new Error('useI18n outside of I18nProvider')
  return value
}
