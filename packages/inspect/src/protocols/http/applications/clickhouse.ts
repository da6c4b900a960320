import type { HttpApplication } from './application.ts'

/** HTTP interface of ClickHouse: a query in the body or in `?query=`; user and database in headers of its own. */
export const clickhouse: HttpApplication = {
  application: 'clickhouse',
  asks: notes =>
    (notes['x-clickhouse-user'] ?? notes['x-clickhouse-database'] ?? notes['x-clickhouse-key']) === undefined
      ? undefined
      : 'header "X-ClickHouse-…"',
  answers: notes =>
    (notes['x-clickhouse-summary'] ??
      notes['x-clickhouse-query-id'] ??
      notes['x-clickhouse-server-display-name']) === undefined
      ? undefined
      : 'header "X-ClickHouse-…"',
}
