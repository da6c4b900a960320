/**
 * Sums of `flows` over longer spans, so that a week of a busy map is thousands of rows and not tens of millions.
 * `span` and all times are in minutes. `rolled` says which buckets are whole: those that start in [since, until).
 * It begins empty: `Rollups.step` fills in what is already on record, while the server serves.
 */
export const ROLLUPS = `
CREATE TABLE rollups (
  span INTEGER NOT NULL,
  start INTEGER NOT NULL,
  edge INTEGER NOT NULL,
  connections INTEGER NOT NULL,
  packets INTEGER NOT NULL,
  bytes_to_destination INTEGER NOT NULL,
  bytes_to_source INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (span, start, edge)
) STRICT, WITHOUT ROWID;

CREATE TABLE rolled (
  span INTEGER PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO rolled VALUES (10, 0, 0), (60, 0, 0), (1440, 0, 0);
`
