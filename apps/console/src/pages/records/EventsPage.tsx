import type { EventView } from '@sekisho/control'
import { EVENT_SEVERITIES } from '@sekisho/core'
import { ToggleButton } from 'react-aria-components/ToggleButton'
import { ToggleButtonGroup } from 'react-aria-components/ToggleButtonGroup'
import { Link } from 'wouter'
import { useEventPages } from '../../api/index.ts'
import { EVENTS, flowsPlace } from '../../app/places.ts'
import { windowQuery } from '../../app/time.ts'
import { useUrlState } from '../../app/url.ts'
import { useI18n } from '../../i18n/index.ts'
import { EmptyState, Page, SeverityBadge, Time, TimeWindowPicker } from '../../ui/index.ts'
import { RecordTable } from './RecordTable.tsx'
import { groupOf, sentenceOf } from './sentence.ts'

const CHOICES = ['all', ...EVENT_SEVERITIES] as const

function EventRow({ event }: { readonly event: EventView }) {
  const { t } = useI18n()
  const group = groupOf(event.workload)
  return (
    <tr>
      <td className="muted">
        <Time at={event.at} />
      </td>
      <td>
        <SeverityBadge severity={event.severity} />
      </td>
      <td>{sentenceOf(event, t)}</td>
      <td className="nowrap">{event.node}</td>
      <td className="nowrap">
        {group && <Link href={flowsPlace(`workload:${group}`)}>{t.records.events.flows}</Link>}
      </td>
    </tr>
  )
}

export default function EventsPage() {
  const { t } = useI18n()
  const [{ window, severity }, update] = useUrlState(EVENTS)
  const pages = useEventPages(windowQuery(window))
  const { events } = t.records
  return (
    <Page title={events.title} intro={events.intro}>
      <div className="toolbar">
        <ToggleButtonGroup
          className="segments"
          aria-label={events.severity}
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[severity]}
          onSelectionChange={keys => update({ severity: CHOICES.find(choice => keys.has(choice)) ?? 'all' })}
        >
          {CHOICES.map(choice => (
            <ToggleButton key={choice} id={choice}>
              {choice === 'all' ? events.all : t.terms.severity[choice]}
            </ToggleButton>
          ))}
        </ToggleButtonGroup>
        <TimeWindowPicker value={window} onChange={next => update({ window: next }, { replace: false })} />
      </div>
      <RecordTable
        pages={pages}
        wanted={event => severity === 'all' || event.severity === severity}
        columns={[
          { name: t.terms.time },
          { name: events.severity },
          { name: events.what },
          { name: t.terms.node },
          { name: events.flows, hidden: true },
        ]}
        row={event => <EventRow key={event.id} event={event} />}
        empty={
          <EmptyState icon="events" title={events.empty}>
            {events.emptyText}
          </EmptyState>
        }
      />
    </Page>
  )
}
