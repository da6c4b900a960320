/** What conversations said of themselves, as a part of the flow record of their edge and minute: each value once. */
export const DETAILS = `
CREATE TABLE details (
  minute INTEGER NOT NULL,
  edge INTEGER NOT NULL,
  detail TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (minute, edge, detail, value)
) STRICT, WITHOUT ROWID;
`
