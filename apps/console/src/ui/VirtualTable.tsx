// biome-ignore-all lint/a11y/useSemanticElements: rows that exist only while in view cannot be table rows
// biome-ignore-all lint/a11y/useFocusableInteractive: focus is on the rows, cells are reached by reading
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import { isComposing } from './keyboard.ts'

export interface Column<T> {
  readonly key: string
  readonly header: string
  /** A grid track that does not depend on its content, so that all rows agree: `minmax(0, 2fr)`, `6rem`. */
  readonly width: string
  readonly number?: boolean
  readonly cell: (row: T) => ReactNode
}

interface VirtualTableProps<T> {
  readonly label: string
  readonly columns: readonly Column<T>[]
  /** Narrower than this it scrolls sideways, as `52rem`. */
  readonly minWidth?: string
  readonly rows: readonly T[]
  readonly rowKey: (row: T) => string
  readonly selected?: string | undefined
  readonly onOpen?: (row: T) => void
  /** Called when the end comes into view and there may be more. */
  readonly onEnd?: () => void
  /** With `onSort` the headers are buttons; the page sorts the rows. */
  readonly sort?: { readonly key: string; readonly descending: boolean }
  readonly onSort?: (key: string) => void
  /** Whether the first row is in view: only then may rows be put in before it. */
  readonly onTop?: (atTop: boolean) => void
}

const ROW_HEIGHT = 34
const STEP: Readonly<Record<string, number>> = {
  ArrowDown: 1,
  ArrowUp: -1,
  PageDown: 12,
  PageUp: -12,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
}

/** A table of tens of thousands of rows of which only those in view exist. One tab stop; arrows move, Enter opens. */
export function VirtualTable<T>(props: VirtualTableProps<T>) {
  const {
    label,
    columns,
    minWidth = '48rem',
    rows,
    rowKey,
    selected,
    onOpen,
    onEnd,
    onTop,
    sort,
    onSort,
  } = props
  const box = useRef<HTMLDivElement>(null)
  const [focused, setFocused] = useState<string>()
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    getItemKey: index => {
      const row = rows[index]
      return row === undefined ? index : rowKey(row)
    },
  })
  const items = virtual.getVirtualItems()
  const lastInView = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (rows.length > 0 && lastInView >= rows.length - 20) onEnd?.()
  }, [lastInView, rows.length, onEnd])

  const template = { gridTemplateColumns: columns.map(column => column.width).join(' ') }
  const found = rows.findIndex(row => rowKey(row) === (focused ?? selected))
  const tabStop = Math.max(found, 0)

  const moveTo = (index: number) => {
    const row = rows[index]
    if (row === undefined) return
    setFocused(rowKey(row))
    virtual.scrollToIndex(index)
    // The row may not exist yet; it does after the scroll has been drawn. Whoever opened it by then is in its panel.
    requestAnimationFrame(() => {
      if (isHere()) box.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus()
    })
  }
  /** A row that had the focus and is no more in view leaves it to nobody. */
  const isHere = (): boolean => {
    const { activeElement, body } = document
    return activeElement === body || box.current?.contains(activeElement) === true
  }
  const onKeyDown = (event: KeyboardEvent) => {
    // Keys on a control inside the table, such as a header's button, are that control's.
    if (isComposing(event) || event.target instanceof HTMLButtonElement) return
    const step = STEP[event.key]
    const row = rows[tabStop]
    if (step !== undefined) moveTo(Math.min(Math.max(tabStop + step, 0), rows.length - 1))
    else if ((event.key === 'Enter' || event.key === ' ') && row !== undefined) onOpen?.(row)
    else return
    event.preventDefault()
  }

  return (
    <div
      ref={box}
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      className="virtual-table table-box"
      style={{ '--table-width': minWidth }}
      onKeyDown={onKeyDown}
      onScroll={event => onTop?.(event.currentTarget.scrollTop < ROW_HEIGHT)}
    >
      <div role="rowgroup" className="virtual-head">
        <div role="row" aria-rowindex={1} className="virtual-row" style={template}>
          {columns.map(column => (
            <div
              key={column.key}
              role="columnheader"
              className={column.number ? 'number' : undefined}
              aria-sort={
                sort?.key === column.key ? (sort.descending ? 'descending' : 'ascending') : undefined
              }
            >
              {onSort ? (
                <button type="button" className="virtual-sort" onClick={() => onSort(column.key)}>
                  {column.header}
                  {sort?.key === column.key && (sort.descending ? ' ↓' : ' ↑')}
                </button>
              ) : (
                column.header
              )}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" className="virtual-body" style={{ height: virtual.getTotalSize() }}>
        {items.map(item => {
          const row = rows[item.index]
          if (row === undefined) return null
          const key = rowKey(row)
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the grid handles the keys of all its rows
            <div
              key={item.key}
              role="row"
              data-index={item.index}
              aria-rowindex={item.index + 2}
              aria-selected={key === selected}
              tabIndex={item.index === tabStop ? 0 : -1}
              className="virtual-row"
              style={{ ...template, transform: `translateY(${item.start}px)` }}
              onFocus={() => setFocused(key)}
              onClick={() => onOpen?.(row)}
            >
              {columns.map(column => (
                <div key={column.key} role="gridcell" className={column.number ? 'number' : undefined}>
                  {column.cell(row)}
                </div>
              ))}
            </div>
          )
        })}
      </div>
    </div>
  )
}
