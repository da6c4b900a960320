import { type Direction, LIMITS } from '@sekisho/core'
import type { Spot } from '../../documents/spot.ts'
import type { Cube } from '../cube.ts'
import type { Foreign, Product, Translated } from '../foreign.ts'
import type { OrderedRule } from '../ordered/rule.ts'
import { writePolicy } from '../ordered/tiers.ts'
import { clusterRanges, readCidrGroup } from './blocks.ts'
import { readEndpoints } from './labels.ts'
import { type CiliumScope, readRule } from './rule.ts'

const POLICIES = ['CiliumNetworkPolicy', 'CiliumClusterwideNetworkPolicy']
const DIRECTIONS = ['ingress', 'egress'] as const satisfies readonly Direction[]

/** Deny goes before Allow in all of Cilium's policies, as the Deny rules of Sekisho do. */
interface Section {
  readonly rules: readonly OrderedRule[]
  /** What no rule allows is denied. */
  readonly isolates: boolean
}

function readSection(spec: Spot, direction: Direction, scope: CiliumScope): Section | undefined {
  const list = (key: string, action: 'Allow' | 'Deny') => {
    const items = spec.at(key).list(LIMITS.rulesPerPolicy.value)
    return { count: items.length, rules: items.flatMap(item => readRule(item, { direction, action, scope })) }
  }
  const [deny, allow] = [list(`${direction}Deny`, 'Deny'), list(direction, 'Allow')]
  const wanted = spec.at('enableDefaultDeny').at(direction)
  const isolates = typeof wanted.value === 'boolean' ? wanted.value : deny.count + allow.count > 0
  if (!isolates && allow.count > 0)
    wanted.refuse('false beside rules that allow: in Sekisho what is allowed by name closes the rest')
  return isolates || deny.rules.length > 0 ? { rules: [...deny.rules, ...allow.rules], isolates } : undefined
}

/** A section of Sekisho's with nothing but Deny rules does not isolate: the isolation is a document of its own. */
const needsOwnIsolation = (section: Section | undefined): boolean =>
  section?.isolates === true &&
  section.rules.length > 0 &&
  section.rules.every(({ action }) => action === 'Deny')

const SPEC = [
  'endpointSelector',
  'nodeSelector',
  'ingress',
  'ingressDeny',
  'egress',
  'egressDeny',
  'enableDefaultDeny',
  'labels',
  'description',
  'log',
]

type Sections = Partial<Record<Direction, readonly OrderedRule[]>>

/** The rules, and the isolation where it has to stand alone. */
function parts(
  sections: Partial<Record<Direction, Section>>,
): readonly (readonly [suffix: string, Sections])[] {
  const rules: Sections = {}
  const closing: Sections = {}
  for (const direction of DIRECTIONS) {
    const section = sections[direction]
    if (section) rules[direction] = section.rules
    if (needsOwnIsolation(section)) closing[direction] = []
  }
  return [['', rules] as const, ['-default-deny', closing] as const].filter(
    ([, part]) => Object.keys(part).length > 0,
  )
}

/** Pods, or, of a cluster-wide policy, nodes by their labels. */
function readSubject(spec: Spot, isHost: boolean, scope: CiliumScope): readonly Cube[] {
  const [pods, nodes] = [spec.at('endpointSelector'), spec.at('nodeSelector')]
  if (pods.absent && !isHost) pods.refuse('is required')
  if (!pods.absent && isHost) nodes.refuse('beside endpointSelector is not defined')
  if (isHost && scope.namespace !== '') nodes.refuse('is for cluster-wide policies')
  const cubes = pods.absent && !isHost ? [] : readEndpoints(isHost ? nodes : pods, scope)
  if (isHost && cubes.some(cube => [...cube.keys()].some(key => !key.startsWith('pod '))))
    nodes.refuse('nodes are in no namespace and have no service account')
  return cubes
}

function translateSpec(
  spec: Spot,
  name: string,
  { from, scope }: { from: Foreign; scope: CiliumScope },
): Translated[] {
  if (!spec.fields(SPEC)) return []
  if (!spec.at('enableDefaultDeny').absent) spec.at('enableDefaultDeny').fields(DIRECTIONS)
  const [ingress, egress] = DIRECTIONS.map(direction => readSection(spec, direction, scope))
  const isHost = !spec.at('nodeSelector').absent
  const subject = readSubject(spec, isHost, scope)
  const sections = { ...(ingress && { ingress }), ...(egress && { egress }) }
  if (!ingress && !egress) from.note(spec, 'has no rules and closes nothing: it has no effect')
  const of = `${from.kind} ${scope.namespace && `${scope.namespace}/`}${name}`
  return parts(sections).flatMap(([suffix, part]) =>
    subject.map(cube => ({
      draft: writePolicy(
        { cube, sections: part },
        { name: `${name}${suffix}`, from: of, mode: 'Enforce', isHost },
      ),
      from,
    })),
  )
}

function translatePolicy(from: Foreign, context: Omit<CiliumScope, 'namespace' | 'note'>): Translated[] {
  const { root, kind } = from
  root.fields(['apiVersion', 'kind', 'metadata', 'spec', 'specs', 'status'])
  const metadata = root.at('metadata')
  const name = metadata.at('name').text()
  if (name === undefined) return []
  const isCluster = kind === 'CiliumClusterwideNetworkPolicy'
  const namespace = metadata.at('namespace').absent ? 'default' : (metadata.at('namespace').text() ?? '')
  const scope = { ...context, namespace: isCluster ? '' : namespace, note: from.note }
  const specs = root.at('specs').list(LIMITS.documentsPerFile.value)
  const all = root.at('spec').absent ? specs : [root.at('spec'), ...specs]
  if (all.length === 0) root.at('spec').refuse('is required')
  return all.flatMap((spec, i) => translateSpec(spec, i === 0 ? name : `${name}-${i + 1}`, { from, scope }))
}

/** Cilium: docs.cilium.io "Network Policy", and pkg/policy/api for what the words mean. */
export const cilium: Product = {
  translate(foreigns, options) {
    const groups = foreigns.filter(({ kind }) => kind === 'CiliumCIDRGroup').map(readCidrGroup)
    const { clusterCidrs, clusterName } = options
    const context = { groups, cluster: clusterRanges(clusterCidrs), clusterName }
    for (const { kind, root } of foreigns) {
      if (POLICIES.includes(kind) && root.at('apiVersion').value !== 'cilium.io/v2')
        root.at('apiVersion').refuse('must be cilium.io/v2')
      else if (!POLICIES.includes(kind) && kind !== 'CiliumCIDRGroup')
        root.at('kind').refuse(`${kind} of Cilium is no policy that can be translated`)
    }
    return foreigns
      .filter(({ kind }) => POLICIES.includes(kind))
      .flatMap(from => translatePolicy(from, context))
  },
}
