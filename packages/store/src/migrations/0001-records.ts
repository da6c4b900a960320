/**
 * Flow records are facts per edge and minute. An edge names two ends; an end names an address and the version of
 * the workload that owned it then, so that history stays readable when workloads are gone.
 * '' and 0 stand for "none" where NULL would make rows that are equal distinct in a unique index.
 * `seen` is the last hour with traffic: what retention goes by to drop edges and ends without asking every flow.
 */
export const RECORDS = `
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counters VALUES ('revision', 1), ('revisionFloor', 0);

CREATE TABLE acknowledged (
  node TEXT NOT NULL, epoch TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (node, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE workload_versions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  workload TEXT NOT NULL,
  node TEXT NOT NULL,
  namespace TEXT NOT NULL,
  owner TEXT NOT NULL,
  document TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER,
  revision INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX workload_current ON workload_versions (workload) WHERE until IS NULL;
CREATE INDEX workload_history ON workload_versions (workload, since);
CREATE INDEX workload_node ON workload_versions (node) WHERE until IS NULL;
CREATE INDEX workload_revision ON workload_versions (revision);

CREATE TABLE namespace_reports (
  node TEXT NOT NULL, name TEXT NOT NULL, labels TEXT NOT NULL, at INTEGER NOT NULL,
  gone INTEGER NOT NULL, revision INTEGER NOT NULL, PRIMARY KEY (name, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE ends (
  id INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  workload TEXT NOT NULL,
  ip TEXT NOT NULL,
  key TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  owner_kind TEXT NOT NULL,
  seen INTEGER NOT NULL,
  UNIQUE (version, workload, ip)
) STRICT;
CREATE INDEX ends_workload ON ends (workload) WHERE version = 0;
CREATE INDEX ends_seen ON ends (seen);

CREATE TABLE edges (
  id INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,
  destination INTEGER NOT NULL,
  protocol TEXT NOT NULL,
  port INTEGER NOT NULL,
  application TEXT NOT NULL,
  outcome TEXT NOT NULL,
  direction TEXT NOT NULL,
  decided_by TEXT NOT NULL,
  why TEXT NOT NULL,
  seen INTEGER NOT NULL,
  UNIQUE (source, destination, port, protocol, application, outcome, direction, decided_by, why)
) STRICT;
CREATE INDEX edges_seen ON edges (seen);

CREATE TABLE flows (
  minute INTEGER NOT NULL,
  edge INTEGER NOT NULL,
  connections INTEGER NOT NULL,
  packets INTEGER NOT NULL,
  bytes_to_destination INTEGER NOT NULL,
  bytes_to_source INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (minute, edge)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  code TEXT NOT NULL,
  severity TEXT NOT NULL,
  node TEXT NOT NULL,
  workload TEXT NOT NULL,
  details TEXT NOT NULL
) STRICT;
CREATE INDEX events_at ON events (at);

CREATE TABLE agent_status (
  node TEXT PRIMARY KEY, last_seen INTEGER NOT NULL, status TEXT
) STRICT, WITHOUT ROWID;
`
