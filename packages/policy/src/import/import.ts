import { LIMITS } from '@sekisho/core'
import type { PolicyDocument } from '../documents/document.ts'
import { type Finding, formatPath, type Path, Spot } from '../documents/spot.ts'
import { deepFreeze, validatePolicy } from '../documents/validate.ts'
import { type ReadYaml, readYaml } from '../documents/yaml.ts'
import { admin } from './admin/admin.ts'
import { calico } from './calico/calico.ts'
import { cilium } from './cilium/cilium.ts'
import type {
  Foreign,
  ImportNote,
  ImportOptions,
  ImportResult,
  Product,
  Refusal,
  Translated,
} from './foreign.ts'
import { neuvector } from './neuvector/neuvector.ts'
import { own } from './own.ts'
import { ownerOf, PRODUCT_NAMES, type ProductName } from './owner.ts'

/** Every product whose policies are read. */
const PRODUCTS = { own, admin, calico, cilium, neuvector } as const satisfies Record<ProductName, Product>

interface Reading {
  readonly foreign: Foreign
  /** Parts that are left out alone. */
  readonly parts: readonly Finding[]
  readonly yaml: ReadYaml
  readonly product: ProductName | undefined
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const isList = (root: Spot): boolean =>
  typeof root.at('kind').value === 'string' && Array.isArray(root.at('items').value)

function open(
  root: Spot,
  findings: Finding[],
  at: { document: number; notes: ImportNote[]; parts: Finding[] },
): Foreign {
  return {
    kind: textOf(root.at('kind').value),
    root,
    document: at.document,
    findings,
    path: root.path,
    note: (spot, text) => {
      at.notes.push({ document: at.document, path: formatPath(spot.path), text })
    },
    leave: (spot, reason) => {
      at.parts.push({ path: spot.path, reason })
    },
  }
}

/** One document of the text, or the items of a List. */
function readings(yaml: ReadYaml, document: number, notes: ImportNote[]): Reading[] {
  const whole = new Spot(yaml.json, [], [])
  const paths: Path[] = isList(whole)
    ? whole
        .at('items')
        .list(LIMITS.documentsPerFile.value)
        .map(item => item.path)
    : [[]]
  return paths.map(path => {
    const findings: Finding[] = []
    const root = path.reduce((spot: Spot, step) => spot.at(step), new Spot(yaml.json, [], findings))
    const parts: Finding[] = []
    const foreign = open(root, findings, { document, notes, parts })
    const apiVersion = root.at('apiVersion').value
    const product = ownerOf(textOf(apiVersion), foreign.kind)
    if (!product && root.object())
      root
        .at('kind')
        .refuse(
          `${foreign.kind || 'a document without kind'} of ${textOf(apiVersion) || 'no apiVersion'} is no policy that is known`,
        )
    return { foreign, parts, yaml, product }
  })
}

const construct = (path: Path): string => path.findLast(step => typeof step === 'string') ?? 'document'

function refusal({ path, reason }: Finding, { foreign, yaml }: Reading, file: string | undefined): Refusal {
  const at = { document: foreign.document, path: formatPath(path), ...yaml.position(path) }
  const isKind = path.at(-1) === 'kind'
  return {
    at: { ...at, ...(file !== undefined && { file }) },
    construct: isKind && foreign.kind ? foreign.kind : construct(path),
    reason,
  }
}

/** Two documents of one name cannot both be applied; of one that cannot be validated the translation is told. */
function finish(translated: readonly Translated[]): readonly PolicyDocument[] {
  const seen = new Set<string>()
  const documents: PolicyDocument[] = []
  for (const { draft, from } of translated) {
    if (from.findings.length > 0) continue
    const result = validatePolicy(draft)
    if (!result.ok) {
      for (const { path, reason } of result.error) from.root.refuse(`translated, ${path} ${reason}`)
    } else if (seen.has(result.value.id))
      from.root.at('metadata').at('name').refuse(`${result.value.id} is there twice`)
    else {
      seen.add(result.value.id)
      documents.push(result.value)
    }
  }
  // A document of several whose later part was refused is left out whole.
  const refused = new Set(translated.filter(({ from }) => from.findings.length > 0).map(({ from }) => from))
  const kept = new Set(translated.filter(({ from }) => !refused.has(from)).map(({ draft }) => draft))
  return documents.filter(({ source }) => kept.has(source))
}

/**
 * Reads policies of other products (and Sekisho's own) from a YAML text and translates each exactly, or refuses it
 * whole and says which construct is in the way. The meaning never widens and nothing is left out in silence.
 */
export function importPolicies(text: string, options: ImportOptions = {}): ImportResult {
  const yaml = readYaml(text)
  if (!yaml.ok) {
    const refused = yaml.error.map(({ reason, ...at }) => ({
      at: { ...at, ...(options.file !== undefined && { file: options.file }) },
      construct: 'document',
      reason,
    }))
    return { documents: [], refused, notes: [] }
  }
  const notes: ImportNote[] = []
  const all = yaml.value.flatMap((one, document) => readings(one, document, notes))
  const translated = PRODUCT_NAMES.flatMap(product => {
    const foreigns = all.filter(reading => reading.product === product).map(({ foreign }) => foreign)
    return foreigns.length > 0 ? PRODUCTS[product].translate(foreigns, options) : []
  })
  const documents = finish(translated)
  const refused = all.flatMap(reading => [
    ...reading.foreign.findings.map(finding => refusal(finding, reading, options.file)),
    ...reading.parts.map(part => ({ ...refusal(part, reading, options.file), kept: true as const })),
  ])
  return { documents: deepFreeze(documents), refused, notes }
}
