import { type Direction, LIMITS, type Mode } from '@sekisho/core'
import { dnsSubdomain } from '../../documents/names.ts'
import type { Spot } from '../../documents/spot.ts'
import { clusterRanges } from '../cilium/blocks.ts'
import { onlyNamespace } from '../cube.ts'
import type { Foreign, ImportOptions, Product, Translated } from '../foreign.ts'
import { Inexpressible } from '../ordered/pieces.ts'
import { type Group, type GroupContext, isUndefined, readGroup, THRESHOLDS } from './group.ts'
import { type NetworkRule, readRule } from './rule.ts'
import { findServices } from './services.ts'
import { writeService } from './write.ts'

const RULES = ['NvSecurityRule', 'NvClusterSecurityRule']
const DIRECTIONS = ['ingress', 'egress'] as const satisfies readonly Direction[]

/** What one document says of the network. */
interface Said {
  readonly from: Foreign
  readonly name: string
  readonly target: Group | undefined
  /** Absent where the workloads of the target have modes of their own. */
  readonly mode: Mode | undefined
  readonly rules: readonly NetworkRule[]
}

const MODES: Readonly<Record<string, Mode>> = { Protect: 'Enforce', Monitor: 'Audit', Discover: 'Learn' }

/** Services have modes; other groups may hold workloads of several. */
function readMode(spot: Spot, group: Group | undefined): Mode | undefined {
  if (spot.absent || spot.value === 'N/A' || spot.value === '') return undefined
  const mode = spot.oneOf(Object.keys(MODES))
  if (group && !group.name.startsWith('nv.'))
    spot.refuse(`${group.name} is no service, which alone have modes (nv.NAME.NAMESPACE)`)
  return mode === undefined ? undefined : MODES[mode]
}

/** Parts about processes, files and contents, and why they stay behind. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  process: 'rules of processes are no network policy',
  process_profile: 'profiles of processes are no network policy',
  file: 'rules of files are no network policy',
  dlp: 'sensors for contents are no network policy',
  waf: 'sensors for requests are no network policy',
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) ? value.length === 0 : typeof value === 'object' && isEmptyObject(value))
/** As exports write what is not used: `{ settings: [], status: true }`. */
const isEmptyObject = (value: object): boolean =>
  'settings' in value ? isEmpty(value.settings) : Object.keys(value).length === 0

function leaveParts(from: Foreign, spec: Spot): void {
  for (const [key, reason] of Object.entries(ELSEWHERE))
    if (!isEmpty(spec.at(key).value)) from.leave(spec.at(key), reason)
  const selector = spec.at('target').at('selector')
  for (const key of THRESHOLDS)
    if (selector.at(key).value) from.leave(selector.at(key), 'thresholds of alerts are no network policy')
}

/** A namespaced document is about workloads of its own namespace only; NeuVector refuses others. */
function checkNamespace(root: Spot, { subject }: Group): void {
  const metadata = root.at('metadata')
  const own = metadata.at('namespace').absent ? 'default' : metadata.at('namespace').text()
  if (subject.some(cube => onlyNamespace(cube) !== own))
    root
      .at('spec')
      .at('target')
      .refuse(`is not only about namespace ${String(own)}`)
}

function readDocument(from: Foreign, context: GroupContext): Said {
  const { root, kind } = from
  root.fields(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
  const name = root.at('metadata').at('name').text() ?? ''
  const wrong = dnsSubdomain(name)
  if (wrong !== undefined) root.at('metadata').at('name').refuse(wrong)
  const spec = root.at('spec')
  spec.fields(['target', ...DIRECTIONS, ...Object.keys(ELSEWHERE)])
  leaveParts(from, spec)
  const target = spec.at('target')
  target.fields(['policymode', 'selector'])
  const group = readGroup(target.at('selector'), context)
  const mode = readMode(target.at('policymode'), group)
  if (group && kind === 'NvSecurityRule') checkNamespace(root, group)
  const rules = DIRECTIONS.flatMap(direction =>
    spec
      .at(direction)
      .list(LIMITS.rulesPerPolicy.value)
      .flatMap(rule => (group ? readRule(rule, direction, { target: group, context }) : [])),
  )
  return { from, name, target: group, mode, rules }
}

/** Where groups are defined: by definitions of their own, or by any selector with criteria. */
function definedGroups(foreigns: readonly Foreign[]): ReadonlyMap<string, Spot> {
  const selectors = foreigns.flatMap(({ root, kind }) => {
    const spec = root.at('spec')
    if (kind === 'NvGroupDefinition') return [spec.at('selector')]
    const rules = DIRECTIONS.flatMap(direction => spec.at(direction).list(LIMITS.rulesPerPolicy.value))
    return [spec.at('target').at('selector'), ...rules.map(rule => rule.at('selector'))]
  })
  const said = selectors.filter(selector => !isUndefined(selector))
  return new Map(said.map(selector => [String(selector.at('name').value), selector]))
}

/** One list decides for all, so a rule that is missing from it may change what any document means. */
function refuseWithOthers(foreigns: readonly Foreign[]): void {
  const broken = foreigns.filter(({ findings }) => findings.length > 0)
  const [first] = broken
  if (!first) return
  const name = String(first.root.at('metadata').at('name').value)
  for (const { root } of foreigns.filter(each => !broken.includes(each)))
    root.at('spec').refuse(`is one list with the rules of ${name}, which has no translation`)
}

/** A group has one mode, whichever document says so. */
function refuseOtherModes(all: readonly Said[]): void {
  const modes = new Map<string, Said>()
  for (const each of all) {
    if (!each.target || each.mode === undefined) continue
    const before = modes.get(each.target.name)
    if (before && before.mode !== each.mode)
      each.from.root
        .at('spec')
        .at('target')
        .at('policymode')
        .refuse(`${each.target.name} is in another mode in ${before.name}`)
    modes.set(each.target.name, before ?? each)
  }
}

/** The highest priority is asked first; NeuVector leaves open which of equal ones is, so what denies goes first. */
const inOrder = (rules: readonly NetworkRule[]): readonly NetworkRule[] =>
  rules.toSorted(
    (a, b) => b.priority - a.priority || Number(b.what.action === 'Deny') - Number(a.what.action === 'Deny'),
  )

function translateAll(all: readonly Said[]): Translated[] {
  const rules = inOrder(all.flatMap(each => each.rules))
  const used = new Set<NetworkRule>()
  const translated = all.flatMap(({ from, name, target, mode }): Translated[] => {
    if (!target || mode === undefined) return []
    const moded = { name, of: `${from.kind} ${name}`, mode, subject: target.subject }
    try {
      return writeService(moded, { rules, used }).map(draft => ({ draft, from }))
    } catch (error) {
      if (!(error instanceof Inexpressible)) throw error
      from.root.at('spec').at('target').refuse(error.message)
      return []
    }
  })
  const [first] = translated
  if (first)
    first.from.note(
      first.from.root.at('spec').at('target').at('policymode'),
      'both ends of a conversation keep their own mode, as in the restrictive contention of group modes',
    )
  for (const { from, rules: own } of all.filter(each => each.mode === undefined)) {
    const spec = from.root.at('spec')
    if (own.length === 0) from.note(spec, 'has no rules, and says only what its group is')
    else if (!own.some(rule => used.has(rule)))
      spec.refuse(
        'is about no service whose policymode is in the text: where its rules would count is not known',
      )
  }
  return translated
}

function translate(foreigns: readonly Foreign[], options: ImportOptions): readonly Translated[] {
  const context: GroupContext = {
    services: options.workloads && findServices(options.workloads),
    cluster: clusterRanges(options.clusterCidrs),
    defined: definedGroups(foreigns),
    read: new Map(),
  }
  const isPart = ({ kind }: Foreign) => RULES.includes(kind) || kind === 'NvGroupDefinition'
  for (const { kind, root } of foreigns.filter(each => !isPart(each)))
    root.at('kind').refuse(`${kind} of NeuVector is no network policy`)
  const all = foreigns.filter(({ kind }) => RULES.includes(kind)).map(from => readDocument(from, context))
  refuseOtherModes(all)
  const list = foreigns.filter(isPart)
  refuseWithOthers(list)
  return list.some(({ findings }) => findings.length > 0) ? [] : translateAll(all)
}

/**
 * NeuVector: open-docs.neuvector.com "CRD" and "Network Rules", and its program for what criteria select. All documents
 * of the text are one list of rules between groups; the services whose mode is written become policies.
 */
export const neuvector: Product = { translate }
