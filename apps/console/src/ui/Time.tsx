import { useNow } from '../app/now.ts'
import { useI18n } from '../i18n/index.ts'

/** An instant in the reader's zone; the tooltip has it in UTC. */
export function Time({ at }: { readonly at: string | number }) {
  const { f } = useI18n()
  return (
    <time dateTime={new Date(at).toISOString()} title={f.utc(at)} className="nowrap">
      {f.dateTime(at)}
    </time>
  )
}

/** "5 seconds ago"; the tooltip has the instant. */
export function Ago({ at }: { readonly at: string | number }) {
  const { f } = useI18n()
  const now = useNow(5_000)
  return (
    <time dateTime={new Date(at).toISOString()} title={`${f.dateTime(at)} (${f.utc(at)})`} className="nowrap">
      {f.ago(at, Math.max(now, new Date(at).getTime()))}
    </time>
  )
}
