import type { FlowView } from '@sekisho/control'
import { useMemo, useState } from 'react'
import { useFlowPages } from '../../api/index.ts'
import { FLOWS } from '../../app/places.ts'
import { last, windowQuery } from '../../app/time.ts'
import { useUrlState } from '../../app/url.ts'
import { type I18n, useI18n } from '../../i18n/index.ts'
import {
  Button,
  type Column,
  CopyCliButton,
  CopyLinkButton,
  EmptyState,
  Endpoint,
  Failure,
  FilterBar,
  type FilterValues,
  LinkButton,
  Loading,
  Page,
  TimeWindowPicker,
  VerdictBadge,
  VirtualTable,
} from '../../ui/index.ts'
import { FlowPanel, RuleLink } from './FlowPanel.tsx'
import { merge, useLiveFlows } from './live.ts'
import './flows.css'

/** What stays while the panel, which says the rest, takes its place. */
const BESIDE_PANEL = new Set(['last', 'verdict', 'source', 'destination', 'port'])

const columnsIn = ({ t, f }: I18n): readonly Column<FlowView>[] => [
  {
    key: 'last',
    header: t.terms.time,
    width: '5.25rem',
    cell: flow => <span title={f.dateTime(flow.last)}>{f.clock(flow.last)}</span>,
  },
  {
    key: 'verdict',
    header: t.terms.verdict,
    width: '7rem',
    cell: flow => <VerdictBadge outcome={flow.outcome} />,
  },
  {
    key: 'source',
    header: t.terms.source,
    width: 'minmax(0, 3fr)',
    cell: flow => <Endpoint end={flow.source} />,
  },
  {
    key: 'destination',
    header: t.terms.destination,
    width: 'minmax(0, 3fr)',
    cell: flow => <Endpoint end={flow.destination} />,
  },
  {
    key: 'port',
    header: t.terms.port,
    width: '6.5rem',
    cell: flow => (
      <span className="mono">
        {flow.port}/{flow.protocol}
      </span>
    ),
  },
  {
    key: 'application',
    header: t.terms.application,
    width: '7rem',
    cell: flow => flow.application ?? <span className="muted">–</span>,
  },
  {
    key: 'connections',
    header: t.terms.connections,
    width: '6.5rem',
    number: true,
    cell: flow => f.number(flow.connections),
  },
  {
    key: 'bytes',
    header: t.terms.bytes,
    width: '5.5rem',
    number: true,
    cell: flow => f.bytes(flow.bytesToDestination + flow.bytesToSource),
  },
  {
    key: 'why',
    header: t.terms.reasonLabel,
    width: 'minmax(0, 4fr)',
    cell: flow => (flow.by ? <RuleLink rule={flow.by} /> : t.terms.reason[flow.why]),
  },
]

/** Completions from what is on the screen. */
function valuesOf(flows: readonly FlowView[]): FilterValues {
  const ends = flows.slice(0, 1000).flatMap(flow => [flow.source, flow.destination])
  const names = [...new Set(ends.filter(end => end.kind === 'workload').map(end => end.key))]
  return {
    ns: [...new Set(ends.map(end => end.namespace).filter(Boolean))],
    src: names,
    dst: names,
    workload: names,
    port: [...new Set(flows.slice(0, 1000).map(flow => String(flow.port)))],
    app: [...new Set(flows.slice(0, 1000).flatMap(flow => flow.application ?? []))],
  }
}

interface NothingProps {
  readonly filtered: boolean
  readonly onClear: () => void
  readonly onWider: () => void
}

function Nothing({ filtered, onClear, onWider }: NothingProps) {
  const { t } = useI18n()
  const { empty } = t.flows
  return (
    <EmptyState
      icon="flows"
      title={empty.title}
      actions={
        <>
          {filtered && <Button onPress={onClear}>{empty.clear}</Button>}
          <Button onPress={onWider}>{empty.wider}</Button>
          {!filtered && <LinkButton href="/agents">{empty.agents}</LinkButton>}
        </>
      }
    >
      {filtered ? empty.filtered : empty.nothing}
    </EmptyState>
  )
}

export default function FlowsPage() {
  const i18n = useI18n()
  const { t } = i18n
  const [state, update] = useUrlState(FLOWS)
  const [atTop, setAtTop] = useState(true)
  const query = useMemo(
    () => ({ ...windowQuery(state.window), filter: state.filter }),
    [state.window, state.filter],
  )
  const pages = useFlowPages(query)
  const held = state.paused || !atTop
  const live = useLiveFlows(state.filter, held)
  const isLive = state.window.kind === 'last'

  const stored = useMemo(() => pages.data?.pages.flatMap(page => page.items) ?? [], [pages.data])
  const rows = useMemo(() => (isLive ? merge(live.shown, stored) : stored), [isLive, live.shown, stored])
  const values = useMemo(() => valuesOf(rows), [rows])
  const columns = useMemo(() => columnsIn(i18n), [i18n])
  const open = rows.find(flow => flow.id === state.flow)
  const command = `sekisho flows ${state.filter && `'${state.filter}' `}${
    state.window.kind === 'last' ? `--window ${state.window.duration}` : ''
  }`.trim()

  const table = () => {
    if (rows.length > 0) {
      return (
        <VirtualTable
          label={t.flows.table}
          columns={open ? columns.filter(column => BESIDE_PANEL.has(column.key)) : columns}
          minWidth={open ? '40rem' : '68rem'}
          rows={rows}
          rowKey={flow => flow.id}
          selected={state.flow}
          onOpen={flow => update({ flow: flow.id === state.flow ? undefined : flow.id })}
          onEnd={() => pages.hasNextPage && !pages.isFetchingNextPage && void pages.fetchNextPage()}
          onTop={setAtTop}
        />
      )
    }
    if (pages.error) return <Failure error={pages.error} onRetry={() => void pages.refetch()} />
    if (pages.isLoading) return <Loading rows={12} />
    return (
      <Nothing
        filtered={state.filter !== ''}
        onClear={() => update({ filter: '' })}
        onWider={() => update({ window: last('24h') })}
      />
    )
  }

  return (
    <Page
      fill
      title={t.flows.title}
      intro={t.flows.intro}
      actions={
        <>
          <CopyCliButton command={command} />
          <CopyLinkButton />
        </>
      }
    >
      <div className="toolbar">
        <FilterBar
          value={state.filter}
          onChange={filter => update({ filter }, { replace: false })}
          values={values}
        />
        <TimeWindowPicker value={state.window} onChange={window => update({ window }, { replace: false })} />
        {isLive && (
          <Button
            icon={state.paused ? 'play' : 'pause'}
            onPress={() => {
              if (state.paused) live.release()
              update({ paused: !state.paused })
            }}
          >
            {state.paused ? t.flows.resume : t.flows.pause}
          </Button>
        )}
      </div>
      <div className="split">
        <div className="flows-list">
          {live.waiting > 0 && isLive && (
            <div className="flows-newer">
              <Button look="primary" onPress={live.release}>
                {t.flows.newer(live.waiting)}
              </Button>
            </div>
          )}
          {table()}
        </div>
        {open && <FlowPanel key={open.id} flow={open} onClose={() => update({ flow: undefined })} />}
      </div>
      <p className="muted flows-count" aria-live="off">
        {t.flows.shown(rows.length)}
        {pages.hasNextPage ? '+' : ''}
      </p>
    </Page>
  )
}
