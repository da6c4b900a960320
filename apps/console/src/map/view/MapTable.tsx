import { useMemo, useState } from 'react'
import { useI18n } from '../../i18n/index.ts'
import { Ago, Button, type Column, VerdictBadge, VirtualTable } from '../../ui/index.ts'
import { edgeKey, type Graph, sumCounts } from '../graph/graph.ts'
import type { Target } from '../target.ts'
import {
  type ColumnName,
  isColumn,
  NUMBERS,
  type Row,
  rows,
  type Sort,
  sorted,
  toCsv,
  toJson,
} from './rows.ts'

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

function useColumns(): readonly Column<Row>[] {
  const { t, f } = useI18n()
  return useMemo(() => {
    const { terms } = t
    const columns: readonly (Column<Row> & { readonly key: ColumnName })[] = [
      { key: 'source', header: terms.source, width: 'minmax(9rem, 1.4fr)', cell: row => row.source },
      {
        key: 'destination',
        header: terms.destination,
        width: 'minmax(9rem, 1.4fr)',
        cell: row => row.destination,
      },
      { key: 'port', header: terms.port, width: '6.5rem', cell: row => row.port },
      {
        key: 'application',
        header: terms.application,
        width: '7rem',
        cell: row => row.edge.application ?? '–',
      },
      {
        key: 'verdict',
        header: terms.verdict,
        width: '6.5rem',
        cell: row => <VerdictBadge outcome={row.edge.outcome} />,
      },
      {
        key: 'connections',
        header: terms.connections,
        width: '7rem',
        cell: row => f.number(sumCounts(row.edge.connections)),
      },
      {
        key: 'denied',
        header: terms.outcome.denied,
        width: '5.5rem',
        cell: row => f.number(row.edge.connections.denied),
      },
      { key: 'bytes', header: terms.bytes, width: '6rem', cell: row => f.bytes(row.edge.bytes) },
      { key: 'last', header: terms.last, width: '8rem', cell: row => <Ago at={row.edge.last} /> },
    ]
    return columns.map(column => ({ ...column, number: NUMBERS.has(column.key) }))
  }, [t, f])
}

/** The same edges as the map, one row each: for the keyboard, for screen readers, and to take away. */
export function MapTable({ graph, selection, onSelect }: MapTableProps) {
  const { t } = useI18n()
  const [sort, setSort] = useState<Sort>({ key: 'verdict', descending: true })
  const list = useMemo(() => sorted(rows(graph), sort), [graph, sort])
  const columns = useColumns()
  const selected =
    selection?.kind === 'link'
      ? list.find(
          ({ edge }) => edge.source === selection.source && edge.destination === selection.destination,
        )
      : undefined
  const onSort = (key: string) => {
    if (isColumn(key)) setSort({ key, descending: sort.key === key ? !sort.descending : NUMBERS.has(key) })
  }
  return (
    <div className="map-table">
      <div className="map-table-head">
        <span className="muted">{t.map.table.caption(list.length)}</span>
        <span className="actions">
          <Button
            look="quiet"
            icon="down"
            aria-label={t.map.table.export('CSV')}
            onPress={() => save('sekisho-map.csv', 'text/csv', toCsv(list))}
          >
            {t.map.table.csv}
          </Button>
          <Button
            look="quiet"
            icon="down"
            aria-label={t.map.table.export('JSON')}
            onPress={() => save('sekisho-map.json', 'application/json', toJson(list))}
          >
            {t.map.table.json}
          </Button>
        </span>
      </div>
      <VirtualTable
        label={t.map.table.label}
        columns={columns}
        rows={list}
        rowKey={row => edgeKey(row.edge)}
        selected={selected && edgeKey(selected.edge)}
        onOpen={({ edge }) => onSelect({ kind: 'link', source: edge.source, destination: edge.destination })}
        sort={sort}
        onSort={onSort}
      />
    </div>
  )
}
