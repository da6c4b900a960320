/**
 * Requests by name, as a part of the flow record of their edge and minute; what became of them is the edge's outcome.
 * Not summed over longer spans: names are for looking into a record, and many of them are seen once.
 */
export const REQUESTS = `
CREATE TABLE requests (
  minute INTEGER NOT NULL,
  edge INTEGER NOT NULL,
  name TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (minute, edge, name)
) STRICT, WITHOUT ROWID;
`
