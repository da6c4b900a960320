/** A deleted policy stays as a row without a document: agents that were away must still be told. */
export const POLICIES = `
CREATE TABLE policies (
  id TEXT PRIMARY KEY,
  body TEXT,
  revision INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  updated_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX policies_revision ON policies (revision);

CREATE TABLE changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  summary TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('kept', 'pending', 'reverted')),
  reverts_at INTEGER,
  settled_by TEXT,
  settled_at INTEGER
) STRICT;
CREATE INDEX changes_pending ON changes (reverts_at) WHERE state = 'pending';

CREATE TABLE change_policies (
  change INTEGER NOT NULL REFERENCES changes (id),
  policy TEXT NOT NULL,
  before TEXT,
  after TEXT,
  PRIMARY KEY (change, policy)
) STRICT, WITHOUT ROWID;
CREATE INDEX change_policies_policy ON change_policies (policy, change);
`
