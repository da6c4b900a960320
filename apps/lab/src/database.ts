import { join } from 'node:path'
import { run } from './command.ts'
import { postgresDir } from './prerequisites.ts'
import { replaceFile } from './record.ts'

export const DATABASE_USER = 'shop'
/** PostgreSQL refuses to run as root; Debian's package makes this account. */
export const AS_POSTGRES = [
  'setpriv',
  '--reuid=postgres',
  '--regid=postgres',
  '--init-groups',
  '--no-new-privs',
  '--',
]

const PRODUCTS = ['tea', 'rice bowl', 'teapot', 'chopsticks', 'furoshiki', 'incense', 'lantern', 'notebook']

/** With `-j` a statement of the single-user backend ends at a semicolon and an empty line. */
const schema = (password: string): string =>
  [
    `CREATE ROLE ${DATABASE_USER} LOGIN PASSWORD '${password}'`,
    'CREATE TABLE products (id int PRIMARY KEY, name text NOT NULL, cents int NOT NULL)',
    'CREATE TABLE orders (id bigserial PRIMARY KEY, cents int NOT NULL, at timestamptz NOT NULL)',
    'CREATE TABLE charges (id bigserial PRIMARY KEY, cents int NOT NULL, state text NOT NULL, at timestamptz NOT NULL)',
    `INSERT INTO products VALUES ${PRODUCTS.map((name, id) => `(${id + 1}, '${name}', ${400 + id * 350})`).join(', ')}`,
    `GRANT SELECT ON products TO ${DATABASE_USER}`,
    `GRANT SELECT, INSERT, DELETE ON orders, charges TO ${DATABASE_USER}`,
    `GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${DATABASE_USER}`,
  ]
    .map(statement => `${statement};\n\n`)
    .join('')

/** No password on the unix socket, which only root and postgres can open; over the network always one. */
const ACCESS = 'local all all trust\nhost all all all password\n'

export const databaseDir = (runDir: string): string => join(runDir, 'postgres')
const dataDir = (runDir: string) => join(databaseDir(runDir), 'data')

/** Without syncs: the lab's data may be lost in a power cut. */
const SPEED = ['-c', 'fsync=off', '-c', 'full_page_writes=off', '-c', 'synchronous_commit=off']
/**
 * `mmap`: shared memory as files in the data directory, so that a kill leaves nothing in /dev/shm.
 * The small buffers, and no parallel or replication workers, are for a laptop.
 */
const MODEST = [
  ['dynamic_shared_memory_type', 'mmap'],
  ['shared_buffers', '16MB'],
  ['max_connections', '32'],
  ['max_wal_senders', '0'],
  ['max_parallel_workers', '0'],
  ['max_logical_replication_workers', '0'],
  ['jit', 'off'],
].flatMap(([name, value]) => ['-c', `${name}=${value}`])

/** Makes the cluster and its tables; takes about two seconds, nearly all of it `initdb`. */
export async function prepareDatabase(runDir: string, password: string) {
  const programs = postgresDir() ?? ''
  const own = ['--directory', '--owner=postgres', '--group=postgres', '--mode=0700']
  await run(['install', ...own, databaseDir(runDir)])
  const data = dataDir(runDir)
  const encoding = ['--encoding=UTF8', '--locale=C.UTF-8']
  const cheap = ['--no-sync', '--no-instructions', '--wal-segsize=1']
  const shared = ['-c', 'dynamic_shared_memory_type=mmap']
  await run([...AS_POSTGRES, join(programs, 'initdb'), '-D', data, '--auth=trust', ...cheap, ...encoding])
  const single = ['--single', ...SPEED, ...shared, '-j', '-D', data, 'postgres']
  await run([...AS_POSTGRES, join(programs, 'postgres'), ...single], { input: schema(password) })
  replaceFile(join(data, 'pg_hba.conf'), ACCESS)
}

export const databaseCommand = (runDir: string): string[] => [
  ...AS_POSTGRES,
  join(postgresDir() ?? '', 'postgres'),
  '-D',
  dataDir(runDir),
  '-c',
  'listen_addresses=*',
  '-c',
  `unix_socket_directories=${databaseDir(runDir)}`,
  ...SPEED,
  ...MODEST,
]
