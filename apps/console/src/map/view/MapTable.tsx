import type { MapEdge } from '@sekisho/control'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useMemo, useRef, useState } from 'react'
import { useI18n } from '../../i18n/index.ts'
import { Ago, Button, Icon, VerdictBadge } from '../../ui/index.ts'
import { edgeKey, type Graph, sumCounts } from '../graph/graph.ts'
import type { Target } from '../target.ts'
import { COLUMNS, type Column, type Row, rows, type Sort, sorted, toCsv, toJson } from './rows.ts'

const ROW_HEIGHT = 36
const NUMBERS: ReadonlySet<Column> = new Set(['connections', 'denied', 'bytes'])

interface MapTableProps {
  readonly graph: Graph
  readonly selection: Target | undefined
  readonly onSelect: (target: Target) => void
}

function save(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}

const isSelected = (edge: MapEdge, selection: Target | undefined): boolean => {
  switch (selection?.kind) {
    case 'node':
      return edge.source === selection.key || edge.destination === selection.key
    case 'link':
      return edge.source === selection.source && edge.destination === selection.destination
    case 'island':
    case 'aggregate':
    case undefined:
      return false
  }
}

/** The same edges as the map, one row each: for the keyboard, for screen readers, and to take away. */
export function MapTable({ graph, selection, onSelect }: MapTableProps) {
  const { t, f } = useI18n()
  const [sort, setSort] = useState<Sort>({ column: 'verdict', descending: true })
  const list = useMemo(() => sorted(rows(graph), sort), [graph, sort])
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: list.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: index =>
      edgeKey(list[index]?.edge ?? { source: '', destination: '', protocol: '', port: index }),
    overscan: 12,
  })
  const titles: Readonly<Record<Column, string>> = {
    source: t.terms.source,
    destination: t.terms.destination,
    port: t.terms.port,
    application: t.terms.application,
    verdict: t.terms.verdict,
    connections: t.terms.connections,
    denied: t.terms.outcome.denied,
    bytes: t.terms.bytes,
    last: t.terms.last,
  }
  const cells = ({ edge, source, destination, port }: Row): Readonly<Record<Column, ReactNode>> => ({
    source,
    destination,
    port,
    application: edge.application ?? '–',
    verdict: <VerdictBadge outcome={edge.outcome} />,
    connections: f.number(sumCounts(edge.connections)),
    denied: f.number(edge.connections.denied),
    bytes: f.bytes(edge.bytes),
    last: <Ago at={edge.last} />,
  })
  const open = (edge: MapEdge) =>
    onSelect({ kind: 'link', source: edge.source, destination: edge.destination })

  return (
    <div className="map-table">
      <div className="map-table-head">
        <span className="muted">{t.map.table.caption(list.length)}</span>
        <span className="actions">
          <Button
            look="quiet"
            icon="copy"
            aria-label={t.map.table.export('CSV')}
            onPress={() => save('sekisho-map.csv', 'text/csv', toCsv(list))}
          >
            {t.map.table.csv}
          </Button>
          <Button
            look="quiet"
            icon="copy"
            aria-label={t.map.table.export('JSON')}
            onPress={() => save('sekisho-map.json', 'application/json', toJson(list))}
          >
            {t.map.table.json}
          </Button>
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <div
        ref={scroller}
        className="map-table-body"
        tabIndex={0}
        role="region"
        aria-label={t.map.table.label}
      >
        <div role="table" aria-label={t.map.table.label} aria-rowcount={list.length + 1}>
          <div role="row" aria-rowindex={1} className="map-row head">
            {COLUMNS.map(column => (
              <div
                key={column}
                role="columnheader"
                className={NUMBERS.has(column) ? 'number' : undefined}
                aria-sort={sort.column !== column ? 'none' : sort.descending ? 'descending' : 'ascending'}
              >
                <button
                  type="button"
                  aria-label={t.map.table.sort(titles[column])}
                  onClick={() =>
                    setSort({
                      column,
                      descending: sort.column === column ? !sort.descending : NUMBERS.has(column),
                    })
                  }
                >
                  {titles[column]}
                  {sort.column === column && <Icon name={sort.descending ? 'down' : 'right'} size={12} />}
                </button>
              </div>
            ))}
          </div>
          <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
            {virtual.getVirtualItems().map(item => {
              const row = list[item.index]
              if (!row) return null
              const shown = cells(row)
              return (
                <div
                  key={item.key}
                  role="row"
                  aria-rowindex={item.index + 2}
                  className="map-row"
                  data-selected={isSelected(row.edge, selection) || undefined}
                  style={{
                    position: 'absolute',
                    insetInline: 0,
                    height: ROW_HEIGHT,
                    transform: `translateY(${item.start}px)`,
                  }}
                >
                  {COLUMNS.map(column => (
                    <div key={column} role="cell" className={NUMBERS.has(column) ? 'number' : undefined}>
                      {column === 'source' ? (
                        <button
                          type="button"
                          className="map-row-open"
                          onClick={() => open(row.edge)}
                          aria-label={t.map.table.open(`${row.source} → ${row.destination} ${row.port}`)}
                        >
                          {shown.source}
                        </button>
                      ) : (
                        shown[column]
                      )}
                    </div>
                  ))}
                </div>
              )
            })}
          </div>
        </div>
      </div>
    </div>
  )
}
