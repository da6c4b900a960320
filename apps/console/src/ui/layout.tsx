import type { ReactNode } from 'react'
import { ApiError } from '../api/index.ts'
import { useI18n } from '../i18n/index.ts'
import { Button } from './Button.tsx'
import { Icon, type IconName } from './Icon.tsx'

interface PageProps {
  readonly title: string
  /** One sentence under the title. */
  readonly intro?: ReactNode
  readonly actions?: ReactNode
  /** The page fills the window and scrolls inside (tables, map) instead of growing. */
  readonly fill?: boolean
  readonly children: ReactNode
}

export const Page = ({ title, intro, actions, fill = false, children }: PageProps) => (
  <div className={fill ? 'page fill' : 'page'}>
    <title>{`${title} – Sekisho`}</title>
    <header className="page-header">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {intro && <p className="muted">{intro}</p>}
      </div>
      {actions && <div className="actions">{actions}</div>}
    </header>
    {children}
  </div>
)

interface EmptyStateProps {
  readonly icon: IconName
  readonly title: string
  /** Why it is empty, and what to do about it. */
  readonly children?: ReactNode
  readonly actions?: ReactNode
}

export const EmptyState = ({ icon, title, children, actions }: EmptyStateProps) => (
  <div className="empty">
    <Icon name={icon} size={28} />
    <h2>{title}</h2>
    {children && <div className="muted">{children}</div>}
    {actions && <div className="actions">{actions}</div>}
  </div>
)

/** What went wrong, in the reader's language, with the server's own words where it gave some. */
export function useFailure(): (error: unknown) => string {
  const { t } = useI18n()
  return error => {
    if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error)
    const sentence = t.terms.error[error.code]
    const detail = error.message === error.code || error.code === 'network' ? '' : ` ${error.message}`
    return `${sentence}${detail}`
  }
}

interface FailureProps {
  readonly error: unknown
  readonly onRetry?: () => void
}

export function Failure({ error, onRetry }: FailureProps) {
  const { t } = useI18n()
  const failure = useFailure()
  const retry = onRetry && (
    <Button icon="undo" onPress={onRetry}>
      {t.app.retry}
    </Button>
  )
  return (
    <div role="alert">
      <EmptyState icon="warning" title={t.app.failed} actions={retry}>
        {failure(error)}
      </EmptyState>
    </div>
  )
}

/** Grey bars where the content will be; nothing jumps when it comes. */
export function Loading({ rows = 6 }: { readonly rows?: number }) {
  const { t } = useI18n()
  return (
    <div className="loading" role="status">
      <span className="visually-hidden">{t.app.table.loading}</span>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no identity
        <div key={row} className="bar" />
      ))}
    </div>
  )
}

interface QueryState<T> {
  readonly data: T | undefined
  readonly error: unknown
  readonly refetch: () => unknown
}

interface LoadedProps<T> {
  readonly query: QueryState<T>
  readonly rows?: number
  readonly children: (data: T) => ReactNode
}

/** Old data stays on the screen while it is fetched again or the server is away: never blank. */
export function Loaded<T>({ query, rows = 6, children }: LoadedProps<T>) {
  if (query.data !== undefined) return children(query.data)
  if (query.error) return <Failure error={query.error} onRetry={() => void query.refetch()} />
  return <Loading rows={rows} />
}
