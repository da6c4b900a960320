import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Code, policyToYaml, renderCode } from '@sekisho/policy'
import { required, UsageError } from '../../arguments.ts'
import { EXIT, type Invocation } from '../../command.ts'

const isCode = (value: unknown): value is Code =>
  typeof value === 'object' && value !== null && 'spaces' in value && 'connections' in value

/** Runs a TypeScript file whose default export says who may connect to whom, and prints the policies. */
export async function render({ positionals, output }: Invocation): Promise<number> {
  const path = required(positionals, 1, 'FILE.ts')
  if (!existsSync(path)) throw new UsageError(`${path} does not exist`)
  if (!/\.[cm]?[jt]s$/.test(path)) throw new UsageError(`${path} is no program: its name does not end in .ts`)
  const module: unknown = await import(pathToFileURL(resolve(path)).href)
  const code =
    typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
  if (!isCode(code)) throw new UsageError(`${path} must export default { spaces, connections }`)
  output.text(renderCode(code).map(policyToYaml).join('---\n').trimEnd())
  return EXIT.ok
}
