import type { HttpApplication } from './application.ts'

/** The JSON gateway of etcd 3 and the keys API of etcd 2; over gRPC its services tell it. */
export const etcd: HttpApplication = {
  application: 'etcd',
  paths:
    /^\/(?:v3(?:alpha|beta)?\/(?:kv\/(?:range|put|deleterange|txn|compaction)|lease\/(?:grant|revoke|keepalive|timetolive)|watch|auth\/authenticate|maintenance\/status|cluster\/member\/list)$|v2\/(?:keys|members)(?:\/|$))/,
  answers: notes =>
    (notes['x-etcd-cluster-id'] ?? notes['x-etcd-index']) === undefined ? undefined : 'header "X-Etcd-…"',
}
