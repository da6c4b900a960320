import { fail, LIMITS, ok, type Problem, type Result, type Workload } from '@sekisho/core'
import { counting, type DefinedApplications, definedBy } from './defined.ts'
import type { PolicyDocument } from './document.ts'
import { EXTERNAL_WORKLOAD, readExternalWorkload } from './external-workload.ts'
import { type Finding, formatPath, Spot } from './spot.ts'
import { deepFreeze, readDocument } from './validate.ts'
import { type ReadYaml, readYaml } from './yaml.ts'

/** A List holds documents as `kubectl get -o yaml` prints several. */
const isList = (root: Spot): boolean =>
  root.at('kind').value === 'List' && root.at('apiVersion').value === 'v1'

/** Documents of one YAML document: itself, or the items of a List. */
function roots(root: Spot): readonly Spot[] {
  if (!isList(root)) return [root]
  root.fields(['apiVersion', 'kind', 'metadata', 'items'])
  return root.at('items').list(LIMITS.documentsPerFile.value)
}

/** What a file of documents says. */
export interface Documents {
  readonly policies: readonly PolicyDocument[]
  readonly machines: readonly Workload[]
}

interface Read extends Documents {
  readonly findings: readonly Finding[]
}

/** Whether a file may hold ExternalWorkloads: who stores policies has no place for them. */
interface Reading {
  readonly machines: boolean
  readonly seen: Map<string, number>
}

function readAll(yaml: ReadYaml, at: number, { machines: takesMachines, seen }: Reading): Read {
  const findings: Finding[] = []
  const policies: PolicyDocument[] = []
  const machines: Workload[] = []
  for (const root of roots(new Spot(yaml.json, [], findings))) {
    const isMachine = takesMachines && root.at('kind').value === EXTERNAL_WORKLOAD
    const machine = isMachine ? readExternalWorkload(root).workload : undefined
    const policy = isMachine ? undefined : readDocument(root)
    if (machine) machines.push(machine)
    if (policy) policies.push(policy)
    const id = machine?.id ?? policy?.id
    if (id === undefined) continue
    const before = seen.get(id)
    if (before !== undefined) root.at('metadata').at('name').refuse(`${id} is already in document ${before}`)
    seen.set(id, before ?? at)
  }
  return { policies, machines, findings }
}

function problem(
  finding: Finding,
  where: { document: number; file: string | undefined; yaml: ReadYaml },
): Problem {
  const position = where.yaml.position(finding.path)
  return {
    document: where.document,
    path: formatPath(finding.path),
    reason: finding.reason,
    ...position,
    ...(where.file !== undefined && { file: where.file }),
  }
}

/** So many mistakes and one that says that there are more. */
function bounded(problems: readonly Problem[]): readonly Problem[] {
  const most = LIMITS.problemsPerFile.value
  const next = problems[most]
  if (!next) return problems
  return [...problems.slice(0, most), { ...next, reason: `${problems.length - most} more problems follow` }]
}

const NONE: DefinedApplications = new Set()

interface ParseOptions {
  readonly file?: string
  /** That are defined already; those that the file defines count in all of it. */
  readonly applications?: DefinedApplications
}

function parse(
  text: string,
  { file, applications = NONE }: ParseOptions,
  machines: boolean,
): Result<Documents, readonly Problem[]> {
  const yaml = readYaml(text)
  if (!yaml.ok)
    return fail(bounded(yaml.error.map(wrong => ({ ...wrong, ...(file !== undefined && { file }) }))))
  const reading: Reading = { machines, seen: new Map() }
  const all = yaml.value.map((one, document) => ({ document, yaml: one, ...readAll(one, document, reading) }))
  const read: Documents = {
    policies: all.flatMap(one => one.policies),
    machines: all.flatMap(one => one.machines),
  }
  const defined =
    applications === 'any' ? applications : new Set([...applications, ...definedBy(read.policies)])
  const problems = all.flatMap(({ findings, ...where }) =>
    counting(findings, defined).map(finding => problem(finding, { ...where, file })),
  )
  return problems.length > 0 ? fail(bounded(problems)) : ok(deepFreeze(read))
}

/**
 * Reads a file of policies and ExternalWorkloads: one or more YAML documents, Lists unpacked. Refused whole when any has
 * a mistake; the problems come in the order of the text.
 */
export const parseDocuments = (
  text: string,
  options: ParseOptions = {},
): Result<Documents, readonly Problem[]> => parse(text, options, true)

/** The same of policies alone. */
export function parsePolicies(
  text: string,
  options: ParseOptions = {},
): Result<readonly PolicyDocument[], readonly Problem[]> {
  const read = parse(text, options, false)
  return read.ok ? ok(read.value.policies) : read
}
