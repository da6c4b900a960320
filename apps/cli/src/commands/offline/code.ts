import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SekishoError } from '@sekisho/core'
import { type Code, policyToYaml, renderCode } from '@sekisho/policy'
import { UsageError } from '../../arguments.ts'

const isCode = (value: unknown): value is Code =>
  typeof value === 'object' && value !== null && 'spaces' in value && 'connections' in value

export const isProgram = (path: string): boolean => /\.[cm]?[jt]s$/.test(path)

/** What the program imports of ours is this program's own, so that it needs no installation beside it. */
async function imported(path: string): Promise<unknown> {
  const own = import.meta.resolve('@sekisho/policy')
  const hooks = registerHooks({
    resolve: (name, context, next) =>
      name === '@sekisho/policy' ? { url: own, shortCircuit: true } : next(name, context),
  })
  try {
    return await import(pathToFileURL(resolve(path)).href)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new SekishoError('policy-refused', `${path}: ${reason}`)
  } finally {
    hooks.deregister()
  }
}

/** Runs a TypeScript file whose default export says who may connect to whom. @returns the policies as YAML. */
export async function renderFile(path: string): Promise<string> {
  if (!existsSync(path)) throw new UsageError(`${path} does not exist`)
  const module = await imported(path)
  const code =
    typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
  if (!isCode(code)) throw new UsageError(`${path} must export default { spaces, connections }`)
  try {
    return renderCode(code).map(policyToYaml).join('---\n').trimEnd()
  } catch (error) {
    if (error instanceof TypeError) throw new SekishoError('policy-refused', `${path}: ${error.message}`)
    throw error
  }
}
