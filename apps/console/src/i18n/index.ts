export { type I18n, I18nProvider, loadDictionary, useI18n } from './context.tsx'
export type { Dictionary } from './en/index.ts'
export { createFormat, type Format, isLocale, LOCALES, type Locale } from './format.ts'
export { type Details, entry } from './plural.ts'
