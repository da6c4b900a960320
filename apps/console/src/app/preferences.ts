import { isLocale, type Locale } from '../i18n/index.ts'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const LANGUAGE = 'sekisho.language'
const THEME = 'sekisho.theme'

/** Storage may be refused (private windows, policies): then a preference lasts as long as the page. */
function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}
function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    console.warn(`${key} is not remembered: this browser refuses storage`)
  }
}

/** What was chosen, else what the browser asks for, else English. */
export function initialLocale(): Locale {
  const chosen = remembered(LANGUAGE)
  if (isLocale(chosen)) return chosen
  return navigator.languages.map(tag => tag.slice(0, 2)).find(isLocale) ?? 'en'
}

export function applyLocale(locale: Locale): void {
  document.documentElement.lang = locale
  remember(LANGUAGE, locale)
}

export const initialTheme = (): Theme => THEMES.find(theme => theme === remembered(THEME)) ?? 'system'

export function applyTheme(theme: Theme): void {
  remember(THEME, theme)
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}
