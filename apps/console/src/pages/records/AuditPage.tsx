import type { AuditView } from '@sekisho/control'
import { useAuditPages } from '../../api/index.ts'
import { entry, useI18n } from '../../i18n/index.ts'
import { EmptyState, Icon, type IconName, Page, Time } from '../../ui/index.ts'
import { RecordTable } from './RecordTable.tsx'

const RESULTS = {
  ok: ['allowed', 'allowed'],
  refused: ['denied', 'denied'],
  failed: ['severity-warning', 'warning'],
} as const satisfies Record<AuditView['result'], readonly [string, IconName]>

function AuditRow({ record }: { readonly record: AuditView }) {
  const { t } = useI18n()
  const { audit } = t.records
  const [look, icon] = RESULTS[record.result]
  return (
    <tr>
      <td className="muted">
        <Time at={record.at} />
      </td>
      <td className="nowrap">{record.actor || <span className="muted">{audit.nobody}</span>}</td>
      <td>
        {entry(audit.actions, record.action) ?? <code>{record.action}</code>}
        {record.details && <div className="muted small">{record.details}</div>}
      </td>
      <td className="audit-target">{record.target}</td>
      <td>
        <span className={`badge ${look}`}>
          <Icon name={icon} size={14} />
          {audit.results[record.result]}
        </span>
      </td>
      <td className="mono nowrap">{record.from}</td>
      <td className="mono muted" title={record.hash}>
        {record.hash.slice(0, 8)}
      </td>
    </tr>
  )
}

export default function AuditPage() {
  const { t } = useI18n()
  const pages = useAuditPages()
  const { audit } = t.records
  return (
    <Page title={audit.title} intro={audit.intro}>
      <RecordTable
        pages={pages}
        columns={[
          { name: t.terms.time },
          { name: audit.actor },
          { name: audit.action },
          { name: audit.target },
          { name: audit.result },
          { name: audit.from },
          { name: audit.hash },
        ]}
        row={record => <AuditRow key={record.id} record={record} />}
        empty={<EmptyState icon="audit" title={audit.empty} />}
      />
    </Page>
  )
}
