import { existsSync, globSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { APPS, type Program } from './cluster.ts'

/** Debian keeps PostgreSQL's own programs out of PATH, in one directory per major version; the newest wins. */
export const postgresDir = (): string | undefined =>
  globSync('/usr/lib/postgresql/*/bin')
    .filter(dir => existsSync(join(dir, 'initdb')))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .at(-1)

const SYSTEM_DIRS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin']
/** Also where an ordinary user's PATH does not look. */
export const SYSTEM_PATH = SYSTEM_DIRS.join(':')

/** The absolute path of an installed program. */
export const findProgram = (name: string): string | undefined =>
  SYSTEM_DIRS.map(dir => join(dir, name)).find(path => existsSync(path) && statSync(path).isFile())

type ProgramKind = Program['kind']

const FINDERS = {
  node: () => process.execPath,
  nginx: () => findProgram('nginx'),
  redis: () => findProgram('redis-server'),
  postgres: () => postgresDir(),
  dnsmasq: () => findProgram('dnsmasq'),
} satisfies Record<ProgramKind, () => string | undefined>

const PACKAGES: Readonly<Record<Exclude<ProgramKind, 'node'>, string>> = {
  nginx: 'nginx-light',
  redis: 'redis-server',
  postgres: 'postgresql',
  dnsmasq: 'dnsmasq',
}

export interface Missing {
  readonly program: Exclude<ProgramKind, 'node'>
  /** The Debian package that brings it. */
  readonly package: string
  readonly apps: readonly string[]
}

/** Programs of workloads that are not installed, and which workloads are left out for it. */
export const missingPrograms = (): Missing[] =>
  (Object.keys(PACKAGES) as (keyof typeof PACKAGES)[])
    .filter(program => FINDERS[program]() === undefined)
    .map(program => ({
      program,
      package: PACKAGES[program],
      apps: APPS.filter(app => app.program.kind === program).map(app => `${app.namespace}/${app.name}`),
    }))

/** Without these there is no lab at all. @returns the sentence for the person, undefined when all is there. */
export function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'the lab needs root: it makes network namespaces'
  const needed = {
    ip: 'iproute2',
    nft: 'nftables',
    nsenter: 'util-linux',
    setpriv: 'util-linux',
    openssl: 'openssl',
  }
  const packages = Object.entries(needed).flatMap(([name, debian]) => (findProgram(name) ? [] : [debian]))
  if (packages.length === 0) return undefined
  return `packages are missing; install them with: apt-get install ${[...new Set(packages)].join(' ')}`
}
