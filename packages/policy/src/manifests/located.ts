import { LIMITS, type Problem } from '@sekisho/core'
import { counting, type DefinedApplications } from '../documents/defined.ts'
import { type Finding, formatPath, type Path, Spot } from '../documents/spot.ts'
import { readYaml } from '../documents/yaml.ts'

/** One file of YAML; the caller has read it. */
export interface SourceFile {
  /** As problems and findings name it. */
  readonly file: string
  readonly text: string
}

/** Where something stands, for people and editors; lines and columns from 1. */
export interface Place {
  readonly file: string
  /** Which YAML document of the file, from 0. */
  readonly document: number
  readonly path: string
  readonly line: number
  readonly column: number
}

/** One object of a file, with the way back to its text. */
export interface Located {
  readonly root: Spot
  readonly apiVersion: string
  readonly kind: string
  /** Place of a path below the object. */
  place(path: Path): Place
  /** Moves what reading has found wrong so far into problems. */
  problems(defined?: DefinedApplications): readonly Problem[]
}

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** `kubectl get -o yaml` prints a List; every `…List` of Kubernetes has its objects in `items`. */
function objects(root: Spot): readonly Spot[] {
  if (!textOf(root.at('kind').value).endsWith('List')) return [root]
  return root.at('items').list(LIMITS.documentsPerFile.value).flatMap(objects)
}

/** All objects of some files. A file that is no YAML is a problem and has no objects. */
export function readLocated(files: readonly SourceFile[]): {
  readonly located: readonly Located[]
  readonly problems: readonly Problem[]
} {
  const located: Located[] = []
  const problems: Problem[] = []
  for (const { file, text } of files) {
    const read = readYaml(text)
    if (!read.ok) problems.push(...read.error.map(problem => ({ ...problem, file })))
    for (const [document, yaml] of (read.ok ? read.value : []).entries()) {
      const findings: Finding[] = []
      const place = (path: Path): Place => ({
        file,
        document,
        path: formatPath(path),
        ...(yaml.position(path) ?? { line: 1, column: 1 }),
      })
      for (const root of objects(new Spot(yaml.json, [], findings))) {
        located.push({
          root,
          apiVersion: textOf(root.at('apiVersion').value),
          kind: textOf(root.at('kind').value),
          place: path => place([...root.path, ...path]),
          problems: defined =>
            counting(findings.splice(0), defined).map(({ path, reason }) => ({ ...place(path), reason })),
        })
      }
      problems.push(...findings.splice(0).map(({ path, reason }) => ({ ...place(path), reason })))
    }
  }
  return { located, problems }
}
