import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Loaded } from '../../ui/index.ts'
import { MoreButton } from './MoreButton.tsx'
import './records.css'

interface RecordTableProps<T> {
  readonly pages: UseInfiniteQueryResult<InfiniteData<{ readonly items: readonly T[] }>>
  /** Which of the records are wanted; all unless given. */
  readonly wanted?: (record: T) => boolean
  /** Headings of the columns, in order. */
  readonly columns: readonly { readonly name: string; readonly hidden?: boolean }[]
  readonly row: (record: T) => ReactNode
  /** Shown where there are none. */
  readonly empty: ReactNode
}

/** Records that come page by page, newest first. */
export function RecordTable<T>({ pages, wanted = () => true, columns, row, empty }: RecordTableProps<T>) {
  return (
    <>
      <Loaded query={pages} rows={10}>
        {data => {
          const records = data.pages.flatMap(page => page.items).filter(wanted)
          if (records.length === 0) return empty
          return (
            <div className="table-box">
              <table>
                <thead>
                  <tr>
                    {columns.map(({ name, hidden }) => (
                      <th key={name} scope="col">
                        {hidden ? <span className="visually-hidden">{name}</span> : name}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>{records.map(row)}</tbody>
              </table>
            </div>
          )
        }}
      </Loaded>
      <MoreButton pages={pages} />
    </>
  )
}
