import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type EpochMs, MODES, type Mode, type Problem, SekishoError } from '@sekisho/core'
import type { ManifestOptions, Manifests, Model, SourceFile } from '@sekisho/policy'
import { withMode } from '@sekisho/policy/documents'
import { modelOfManifests, readManifests } from '@sekisho/policy/manifests'
import { text, UsageError, type Values } from '../../arguments.ts'
import { readInput } from '../../input.ts'
import { describeProblem } from '../policy-validate.ts'
import { isProgram, renderFile } from './code.ts'

/** A folder of more is not one of policies, but a slip: `/`, or a home. */
const ENTRIES_MAX = 100_000

const isYaml = (name: string): boolean => /\.ya?ml$/.test(name)

/** A file as it is; of a folder every YAML file below it, in order of name. A program is run only where it is named itself. */
async function filesAt(path: string): Promise<readonly string[]> {
  if (path === '-') return [path]
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new UsageError(`${path} does not exist`)
  if (!found.isDirectory()) return [path]
  const files = await yamlBelow(path).catch((error: unknown) => {
    // What cannot be read may hold a policy: an answer without it would be about other policies.
    if (error instanceof Error && 'syscall' in error) throw new UsageError(`${path}: ${error.message}`)
    throw error
  })
  if (files.length === 0) throw new UsageError(`${path} holds no .yaml files`)
  return files.toSorted()
}

async function yamlBelow(folder: string): Promise<string[]> {
  const files: string[] = []
  let entries = 0
  for await (const entry of await opendir(folder, { recursive: true })) {
    if (++entries > ENTRIES_MAX)
      throw new UsageError(`${folder} holds more than ${ENTRIES_MAX} files and folders: name a narrower one`)
    if (isYaml(entry.name)) files.push(join(entry.parentPath, entry.name))
  }
  return files
}

export async function readFiles(paths: readonly string[]): Promise<readonly SourceFile[]> {
  const files = (await Promise.all(paths.map(filesAt))).flat()
  return Promise.all(
    files.map(async file => ({ file, text: await (isProgram(file) ? renderFile(file) : readInput(file)) })),
  )
}

/** All mistakes at once, each with file, line and path. */
export function refuse(problems: readonly Problem[]): void {
  if (problems.length === 0) return
  const lines = problems.map(problem => `  ${describeProblem(problem, undefined)}`)
  const count = problems.length === 1 ? '1 mistake' : `${problems.length} mistakes`
  throw new SekishoError('policy-refused', `${count} in these files:\n${lines.join('\n')}`)
}

function modeOf(values: Values): Mode | undefined {
  const wanted = text(values, 'mode')
  if (wanted === undefined) return undefined
  const mode = MODES.find(known => known === wanted)
  if (!mode) throw new UsageError(`--mode takes ${MODES.join(', ')}, not "${wanted}"`)
  return mode
}

/** Policies, workloads and namespaces of files and folders; with --mode all policies have that mode. */
export async function readCluster(
  values: Values,
  paths: readonly string[],
  options: ManifestOptions = {},
): Promise<Manifests> {
  if (paths.length === 0)
    throw new UsageError('name files or folders with -f, policies and workloads among them')
  const manifests = readManifests(await readFiles(paths), options)
  refuse(manifests.problems)
  if (manifests.objects.every(({ apiVersion, kind }) => apiVersion === '' && kind === ''))
    throw new SekishoError(
      'policy-refused',
      `${paths.join(', ')}: no object with an apiVersion and a kind is there`,
    )
  const mode = modeOf(values)
  if (mode === undefined) return manifests
  return {
    ...manifests,
    policies: manifests.policies.map(each => ({ ...each, policy: withMode(each.policy, mode) })),
  }
}

/** What the files say, judged at this moment: rules with an end count until then. */
export const modelNow = (manifests: Manifests): Model => modelOfManifests(manifests, Date.now() as EpochMs)
