import type { Labels, Transport } from '@sekisho/core'
import type { Said } from './said.ts'

/** A port of an app; a number alone is TCP. */
export type AppPort = number | { readonly port: number; readonly protocol: Transport }

/** What is written of an app: the labels its pods have, and the ports it listens on by name. */
export interface AppSpec {
  readonly labels: Labels
  readonly ports?: Readonly<Record<string, AppPort>>
}

/** Pods of a namespace that are one thing; `S` keeps its labels and ports as they were written, for completion. */
export interface App<S extends AppSpec = AppSpec> {
  readonly kind: 'app'
  readonly namespace: string
  /** Names the policy that is rendered for it. */
  readonly name: string
  readonly spec: S
}

/** Blocks outside the cluster, less exceptions. */
export interface Outside {
  readonly kind: 'outside'
  readonly cidr: string
  readonly except: readonly string[]
}

/** What is outside the cluster, by names: each a name, or `*.` and a name. */
export interface Named {
  readonly kind: 'named'
  readonly names: readonly [string, ...string[]]
}

export type Apps = Readonly<Record<string, AppSpec>>

export interface Space<A extends Apps = Apps> {
  readonly kind: 'namespace'
  readonly name: string
  readonly apps: { readonly [Name in keyof A]: App<A[Name]> }
}

/** Names of the ports an app listens on. */
export type PortOf<S extends AppSpec> = S['ports'] extends object ? keyof S['ports'] & string : never

/** A namespace and its apps. What is written is known to the compiler: labels and ports complete, and typos do not build. */
export function space<const A extends Apps>(name: string, apps: A): Space<A> {
  const made = Object.entries(apps).map(([app, spec]) => [
    app,
    { kind: 'app', namespace: name, name: app, spec },
  ])
  return { kind: 'namespace', name, apps: Object.fromEntries(made) as Space<A>['apps'] } // one app for each key
}

export const outside = (cidr: string, ...except: readonly string[]): Outside => ({
  kind: 'outside',
  cidr,
  except,
})

export const named = (...names: Named['names']): Named => ({ kind: 'named', names })

/** Labels of which every key and value is one that some app of the namespace has. */
type LabelsOf<A extends Apps> = {
  readonly [K in { [Name in keyof A]: keyof A[Name]['labels'] }[keyof A]]?: {
    [Name in keyof A]: K extends keyof A[Name]['labels'] ? A[Name]['labels'][K] : never
  }[keyof A]
}

/** All pods of a namespace with some labels, as one end of connections. */
export const select = <A extends Apps>(
  from: Space<A>,
  name: string,
  labels: LabelsOf<A>,
): App<{ readonly labels: Labels }> => ({
  kind: 'app',
  namespace: from.name,
  name,
  spec: { labels: { ...(labels as Labels) } }, // its values are those of labels
})

export type End = App | Outside | Named

export interface Connection {
  readonly from: App | Outside
  readonly to: End
  readonly ports: readonly AppPort[]
  /** Everything, unless given. */
  readonly said?: Said
  /** Denied, whatever else is allowed. */
  readonly isDenied?: true
}

/** One app may connect to another on the ports it listens on, by their names. */
export function connect<S extends AppSpec>(
  from: App | Outside,
  to: App<S>,
  ...ports: readonly [PortOf<S>, ...PortOf<S>[]]
): Connection {
  const listening: Readonly<Record<string, AppPort>> = to.spec.ports ?? {}
  return { from, to, ports: ports.flatMap(name => listening[name] ?? []) }
}

/** An app may connect to what is outside, on ports by number. */
export const connectOutside = (
  from: App,
  to: Outside | Named,
  ...ports: readonly [AppPort, ...AppPort[]]
): Connection => ({
  from,
  to,
  ports,
})

/** Of a connection only what is said: `only(connect(web, api, 'http'), { requests: [{ http: { methods: ['GET'] } }] })`. */
export const only = (connection: Connection, said: Said): Connection => ({ ...connection, said })

/** Never, whatever else allows it: a wider connection of others, or another policy. */
export const never = (connection: Connection): Connection => ({ ...connection, isDenied: true })
