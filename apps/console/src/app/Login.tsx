import type { Session } from '@sekisho/control'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { ApiError, KEYS, useApi } from '../api/index.ts'
import { useI18n } from '../i18n/index.ts'
import { Button, Icon, useFailure } from '../ui/index.ts'
import { LanguageMenu, ThemeMenu } from './menus.tsx'

const LOGIN_LINK_COMMAND = 'sekisho-server login-link'

function Gate({ children }: { readonly children: ReactNode }) {
  const { t } = useI18n()
  return (
    <main className="login">
      <title>{`${t.app.login.title} – Sekisho`}</title>
      <div className="login-box">
        <div className="brand-mark large">
          <Icon name="gate" size={30} />
        </div>
        <h1>{t.app.name}</h1>
        <p className="muted">{t.app.login.welcome}</p>
        {children}
      </div>
      <div className="login-menus">
        <LanguageMenu />
        <ThemeMenu />
      </div>
    </main>
  )
}

/** The token of a one-time link `/login#token`: in the fragment, so it is never sent in a request line or logged. */
export const linkToken = (): string => (location.pathname === '/login' ? location.hash.slice(1) : '')

function useLinkToken(onLogin: () => void): { readonly checking: boolean; readonly error: unknown } {
  const api = useApi()
  const client = useQueryClient()
  const [token] = useState(linkToken)
  const [error, setError] = useState<unknown>()
  const used = useRef(false)
  useEffect(() => {
    if (token === '' || used.current) return
    // A link works once; effects may run twice while developing.
    used.current = true
    history.replaceState(null, '', '/login')
    const enter = (session: Session) => {
      client.setQueryData(KEYS.session, session)
      onLogin()
    }
    // Whoever is logged in already may follow an old link.
    const enterAnyway = (reason: unknown) => api.session().then(enter, () => setError(reason))
    void api.loginByLink(token).then(enter, enterAnyway)
  }, [token, api, client, onLogin])
  return { checking: token !== '' && error === undefined, error }
}

export function Login({ expired }: { readonly expired: boolean }) {
  const { t } = useI18n()
  const api = useApi()
  const client = useQueryClient()
  const failure = useFailure()
  const id = useId()
  const [path, navigate] = useLocation()
  const [name, setName] = useState('admin')
  const [password, setPassword] = useState('')
  const [error, setError] = useState<string>()
  const enter = () => {
    if (path === '/login') navigate('/', { replace: true })
  }
  const link = useLinkToken(enter)

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    try {
      client.setQueryData(KEYS.session, await api.loginByPassword(name, password))
      enter()
    } catch (reason) {
      const wrong = reason instanceof ApiError && reason.code === 'unauthenticated'
      setError(wrong ? t.app.login.failed : failure(reason))
    }
  }

  if (link.checking) {
    return (
      <Gate>
        <p role="status">{t.app.login.checking}</p>
      </Gate>
    )
  }
  const problem = error ?? (link.error === undefined ? undefined : failure(link.error))
  return (
    <Gate>
      {expired && <p role="status">{t.app.login.expired}</p>}
      <form className="form" onSubmit={event => void submit(event)}>
        <div className="field">
          <label htmlFor={`${id}-name`}>{t.app.login.user}</label>
          <input
            id={`${id}-name`}
            autoComplete="username"
            required
            value={name}
            onChange={event => setName(event.target.value)}
          />
        </div>
        <div className="field">
          <label htmlFor={`${id}-password`}>{t.app.login.password}</label>
          <input
            id={`${id}-password`}
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={event => setPassword(event.target.value)}
          />
        </div>
        {problem && (
          <p role="alert" className="form-error">
            {problem}
          </p>
        )}
        <Button type="submit" look="primary">
          {t.app.login.submit}
        </Button>
      </form>
      <div className="login-link">
        <h2>{t.app.login.linkTitle}</h2>
        <p className="muted">{t.app.login.linkText}</p>
        <pre>{LOGIN_LINK_COMMAND}</pre>
      </div>
    </Gate>
  )
}
