import type { EdgeEnd } from '@sekisho/control'
import { useI18n } from '../i18n/index.ts'
import { Icon } from './Icon.tsx'

/** One end of a conversation: `namespace/name`, or an outside address marked as such. */
export function Endpoint({ end }: { readonly end: EdgeEnd }) {
  const { t } = useI18n()
  if (end.kind === 'external') {
    return (
      <span className="endpoint" title={`${t.terms.outside}: ${end.ip}`}>
        <Icon name="outside" size={13} />
        <span className="visually-hidden">{t.terms.outside}</span>
        <span className="mono">{end.name || end.ip}</span>
      </span>
    )
  }
  return (
    <span className="endpoint" title={end.ip}>
      <span className="muted">{end.namespace}/</span>
      <b>{end.name}</b>
    </span>
  )
}
