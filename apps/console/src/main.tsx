import type { Session } from '@sekisho/control'
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode, useCallback, useState } from 'react'
import { I18nProvider as AriaI18nProvider } from 'react-aria-components/I18nProvider'
import { createRoot } from 'react-dom/client'
import { ApiError, ApiProvider, createClient, endpoints, KEYS, startLive } from './api/index.ts'
import { App } from './app/App.tsx'
import { applyLocale, applyTheme, initialLocale, initialTheme } from './app/preferences.ts'
import { type Dictionary, I18nProvider, type Locale, loadDictionary } from './i18n/index.ts'
import './ui/tokens.css'
import './ui/base.css'
import './ui/ui.css'
import './app/app.css'

const isUnauthenticated = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 'unauthenticated'

/** Any answer "log in first" ends the session on the screen as well; after a new login the same page goes on. */
const queries = new QueryClient({
  queryCache: new QueryCache({
    onError(error, query) {
      if (isUnauthenticated(error) && query.queryKey[0] !== KEYS.session[0]) {
        void queries.invalidateQueries({ queryKey: KEYS.session })
      }
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => !(error instanceof ApiError && error.code !== 'network') && failures < 2,
    },
  },
})

const client = createClient(
  (...request) => fetch(...request),
  () => queries.getQueryData<Session>(KEYS.session)?.csrf,
)
const api = endpoints(client)
const openLive = () => startLive(client)

interface Language {
  readonly locale: Locale
  readonly dictionary: Dictionary
}

function Root({ initial }: { readonly initial: Language }) {
  const [language, setLanguage] = useState(initial)
  const setLocale = useCallback((locale: Locale) => {
    void loadDictionary(locale).then(dictionary => {
      applyLocale(locale)
      setLanguage({ locale, dictionary })
    })
  }, [])
  return (
    <I18nProvider {...language} setLocale={setLocale}>
      <AriaI18nProvider locale={language.locale === 'ja' ? 'ja-JP' : 'en-US'}>
        <App startLive={openLive} />
      </AriaI18nProvider>
    </I18nProvider>
  )
}

async function start(): Promise<void> {
  const locale = initialLocale()
  applyLocale(locale)
  applyTheme(initialTheme())
  const root = document.getElementById('root')
  if (!root) throw new Error('index.html has no #root')
  const initial = { locale, dictionary: await loadDictionary(locale) }
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <ApiProvider api={api}>
          <Root initial={initial} />
        </ApiProvider>
      </QueryClientProvider>
    </StrictMode>,
  )
}

await start()
