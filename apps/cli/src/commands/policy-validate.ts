import type { Problem } from '@sekisho/core'
import { text } from '../arguments.ts'
import { EXIT, type Invocation } from '../command.ts'

/** `file:line:column: document 2, spec.ingress[0].ports[1]: reason` */
export const describeProblem = (problem: Problem, file: string | undefined): string => {
  const place = [problem.file ?? file, problem.line, problem.column]
    .filter(part => part !== undefined)
    .join(':')
  const path = problem.path === '' ? '' : ` ${problem.path}:`
  return `${place}: document ${problem.document + 1},${path} ${problem.reason}`
}

/** Checks documents with the engine itself, without a server. */
export async function validate({ output, values }: Invocation, yaml: string): Promise<number> {
  const { parseDocuments } = await import('@sekisho/policy/documents')
  const path = text(values, 'filename')
  const result = parseDocuments(yaml, path === undefined || path === '-' ? {} : { file: path })
  if (!result.ok) {
    await output.list(result.error, {
      columns: [{ title: 'PROBLEM', value: problem => describeProblem(problem, path) }],
      name: problem => describeProblem(problem, path),
    })
    return EXIT.failed
  }
  const { policies, machines } = result.value
  await output.list([...policies, ...machines], {
    columns: [
      { title: 'DOCUMENT', value: each => each.id },
      { title: 'MODE', value: each => ('mode' in each ? each.mode : '') },
    ],
    name: each => each.id,
  })
  return EXIT.ok
}
