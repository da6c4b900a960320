import { APPLICATIONS, type Application } from './application.ts'
import type { Brand } from './brand.ts'
import type { IpRange } from './ip.ts'

/** The name of an application that a user defined; never one that is built in. */
export type CustomApplication = Brand<string, 'CustomApplication'>
export type ApplicationName = Application | CustomApplication

/** `unknown` is what nothing was recognised in. */
const TAKEN: ReadonlySet<string> = new Set([...APPLICATIONS, 'unknown'])
const NAME = /^[a-z][a-z0-9-]{0,62}$/

/** Whether an application may be called so; that one is says its definition. */
export const isCustomApplication = (name: string): name is CustomApplication =>
  NAME.test(name) && !TAKEN.has(name)

const BUILT_IN: ReadonlyMap<string, Application> = new Map(APPLICATIONS.map(name => [name, name]))

/** As policies name it: what is neither built in nor may be defined is unknown. */
export const knownApplication = (name: string): ApplicationName | 'unknown' =>
  BUILT_IN.get(name) ?? (isCustomApplication(name) ? name : 'unknown')

/** What a side's first bytes must be, counted from `at`. */
export type BytePattern =
  /** Null stands for any byte. */
  | { readonly kind: 'bytes'; readonly at: number; readonly bytes: readonly (number | null)[] }
  /** A text that fits the whole pattern begins there and is over within so many bytes; one character for each byte. */
  | { readonly kind: 'text'; readonly at: number; readonly within: number; readonly pattern: string }

/** Servers at which an application is taken for granted, whatever the bytes look like. */
export interface KnownServers {
  /** Empty: any. */
  readonly addresses: readonly IpRange[]
  /** First and last, both inside; empty: any. */
  readonly ports: readonly (readonly [first: number, last: number])[]
}

/** What users say of an application. All patterns of both sides must hold; without any it is known by its servers alone. */
export interface ApplicationDefinition {
  readonly application: ApplicationName
  readonly transport: 'TCP' | 'UDP'
  readonly client: readonly BytePattern[]
  readonly server: readonly BytePattern[]
  readonly overrides: readonly KnownServers[]
}
