import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ControlPlane } from './control-plane.ts'
import { HERE, run } from './programs.ts'

/** Runs it as an administrator. @returns what it printed. @throws with what it complained of. */
export const kubectl = (
  { programs, kubeconfig }: ControlPlane,
  args: readonly string[],
  input = '',
): string => run(HERE, [join(programs, 'kubectl'), `--kubeconfig=${kubeconfig('admin')}`, ...args], input)

/** Words of a line: columns are as wide as their rows need. */
export const words = (line: string): readonly string[] => line.trim().split(/\s+/)

/** The line of the README that begins so. */
export function promised(beginning: string): string {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
  const line = readme.split('\n').find(each => each.trim().startsWith(beginning))
  if (line === undefined) throw new RangeError(`the README has no line ${beginning}…`)
  return line
}
