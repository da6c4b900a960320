import type { HttpApplication } from './application.ts'

/** REST API of Elasticsearch and OpenSearch: names that begin with "_" at the root or below an index. */
export const elasticsearch: HttpApplication = {
  application: 'elasticsearch',
  paths:
    /^\/(?:[^/_]+\/)?_(?:search|msearch|bulk|count|mapping|mappings|cat|cluster|nodes|aliases|alias|settings|doc|mget|reindex|update_by_query|delete_by_query|refresh|snapshot|ingest|xpack|security|ilm|index_template|template|stats|scroll)(?:\/|$)/,
  answers: notes => (notes['x-elastic-product'] === undefined ? undefined : 'header "X-Elastic-Product"'),
}
