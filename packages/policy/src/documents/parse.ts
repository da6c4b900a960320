import { fail, LIMITS, ok, type Problem, type Result } from '@sekisho/core'
import { counting, type DefinedApplications, definedBy } from './defined.ts'
import type { PolicyDocument } from './document.ts'
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

interface Read {
  readonly documents: readonly PolicyDocument[]
  readonly findings: readonly Finding[]
}

function readAll(yaml: ReadYaml, seen: Map<string, number>, at: number): Read {
  const findings: Finding[] = []
  const documents = roots(new Spot(yaml.json, [], findings)).flatMap(root => {
    const document = readDocument(root)
    if (!document) return []
    const before = seen.get(document.id)
    if (before !== undefined)
      root.at('metadata').at('name').refuse(`${document.id} is already in document ${before}`)
    seen.set(document.id, before ?? at)
    return [document]
  })
  return { documents, findings }
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

/**
 * Reads a file of policies: one or more YAML documents, Lists unpacked. Refused whole when any has a mistake;
 * the problems come in the order of the text.
 * @param options.applications that are defined already; those that the file defines count in all of it.
 */
export function parsePolicies(
  text: string,
  options: { readonly file?: string; readonly applications?: DefinedApplications } = {},
): Result<readonly PolicyDocument[], readonly Problem[]> {
  const file = options.file
  const yaml = readYaml(text)
  if (!yaml.ok)
    return fail(bounded(yaml.error.map(wrong => ({ ...wrong, ...(file !== undefined && { file }) }))))
  const seen = new Map<string, number>()
  const all = yaml.value.map((one, document) => ({ document, yaml: one, ...readAll(one, seen, document) }))
  const documents = all.flatMap(one => one.documents)
  const before = options.applications ?? []
  const defined = before === 'any' ? before : new Set([...before, ...definedBy(documents)])
  const problems = all.flatMap(({ findings, ...where }) =>
    counting(findings, defined).map(finding => problem(finding, { ...where, file })),
  )
  return problems.length > 0 ? fail(bounded(problems)) : ok(deepFreeze(documents))
}
