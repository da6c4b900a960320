import { DatabaseSync } from 'node:sqlite'
import { MIGRATIONS, migrate } from '../src/migrations.ts'

/** Run by a test, which kills it: two real steps, then one that does not end. */
const sqlite = new DatabaseSync(process.argv[2] ?? '')
sqlite.exec('PRAGMA journal_mode = WAL')
migrate(sqlite, [
  ...MIGRATIONS.slice(0, 2),
  `CREATE TABLE half (x INTEGER); INSERT INTO half
    WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n LIMIT 1000000000`,
])
