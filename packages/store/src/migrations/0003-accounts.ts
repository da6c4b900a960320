/** Secrets are kept only as the digest that the caller made of them: a copy of the file logs nobody in. */
export const ACCOUNTS = `
CREATE TABLE users (
  name TEXT PRIMARY KEY, password_hash TEXT, created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  hash TEXT PRIMARY KEY,
  user TEXT NOT NULL REFERENCES users (name),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user);

CREATE TABLE api_tokens (
  id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  user TEXT NOT NULL REFERENCES users (name),
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE one_time_secrets (
  hash TEXT PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('login', 'join')),
  subject TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
  node TEXT PRIMARY KEY,
  public_key TEXT NOT NULL,
  certificate_serial TEXT NOT NULL,
  joined_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`
