import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { field, type Manifest, textField } from './manifests.ts'
import { listOf, load, type Topology, topologyOf } from './nca-topology.ts'

export interface Scheme {
  readonly folder: string
  readonly json: Manifest
}

/** One named set of policies on a topology. */
export interface Config {
  readonly name: string
  readonly topology: Topology
  readonly policies: readonly Manifest[]
  /** Tiers and named sets of addresses, which policies refer to. */
  readonly others: readonly Manifest[]
}

const isPolicy = (manifest: Manifest): boolean =>
  /(?:Policy|^Profile|^Ingress|^Gateway|^VirtualService|^Sidecar)$/.test(textField(manifest, 'kind')) &&
  textField(manifest, 'kind') !== 'PodSecurityPolicy'
const isOther = (manifest: Manifest): boolean => /NetworkSet$|^Tier$/.test(textField(manifest, 'kind'))

export function readScheme(path: string): Scheme {
  const json: unknown = parseAllDocuments(readFileSync(path, 'utf8'))[0]?.toJS()
  return { folder: dirname(path), json: json as Manifest } // a scheme is an object
}

export function readConfig({ folder, json }: Scheme, own: unknown): Config {
  // Nearest first: of the configuration or the scheme, of one kind or of all.
  const references = (['namespaceList', 'podList'] as const).flatMap(key =>
    listOf(field(own, key) ?? field(own, 'resourceList') ?? json[key] ?? json.resourceList).map(String),
  )
  const topology = references.flatMap(reference => load(folder, reference))
  const named = listOf(field(own, 'networkPolicyList') ?? field(own, 'resourceList'))
  const loaded = named.flatMap(reference => load(folder, String(reference)))
  return {
    name: textField(own, 'name'),
    topology: topologyOf(JSON.stringify([folder, references]), topology),
    policies: loaded.filter(isPolicy),
    others: [...topology, ...loaded].filter(isOther),
  }
}
