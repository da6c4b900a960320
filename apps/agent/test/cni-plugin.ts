import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pluginProgram } from '../src/cni/chain.ts'
import { PLUGIN } from '../src/cni/conflist.ts'
import type { GateOptions } from '../src/gate/gate.ts'

/** Debian's containernetworking-plugins. */
const PLUGINS = '/usr/lib/cni'

export interface PluginCall {
  readonly command: string
  readonly container?: string
  readonly interface?: string
  readonly netns?: string
  readonly args?: string
  readonly config?: object
  /** Where it finds programs. */
  readonly path?: string
  /** Command that runs it in another place. */
  readonly place?: readonly string[]
}

export interface PluginAnswer {
  readonly code: number
  readonly output: string
}

/** Runs a CNI plugin as a runtime does: what is asked by variables, the configuration on standard input. */
export function callPlugin(program: string, call: PluginCall): Promise<PluginAnswer> {
  const env = {
    PATH: call.path ?? process.env.PATH,
    CNI_COMMAND: call.command,
    CNI_CONTAINERID: call.container ?? 'c1',
    CNI_IFNAME: call.interface ?? 'eth0',
    CNI_NETNS: call.netns ?? '/proc/self/ns/net',
    CNI_ARGS: call.args ?? '',
    CNI_PATH: PLUGINS,
  }
  return new Promise((resolve, reject) => {
    const [first, ...rest] = [...(call.place ?? []), program]
    const child = execFile(first, rest, { env }, (error, output) => {
      if (error && typeof error.code !== 'number') reject(error)
      else resolve({ code: Number(error?.code ?? 0), output })
    })
    child.stdin?.end(JSON.stringify(call.config ?? {}))
  })
}

interface Conflist {
  readonly name: string
  readonly cniVersion: string
  readonly plugins: readonly { readonly type: string }[]
}

/**
 * Adds a container to a network, as a runtime does: each plugin with the result of the one before.
 * https://www.cni.dev/docs/spec/#section-3-execution-of-network-configurations
 * @returns the last result. @throws with what a plugin refused for.
 */
export async function addToNetwork(
  { plugins, ...network }: Conflist,
  {
    folders,
    ...call
  }: Omit<PluginCall, 'command' | 'config'> & { readonly folders: Readonly<Record<string, string>> },
): Promise<unknown> {
  let prevResult: unknown
  for (const plugin of plugins) {
    const program = join(folders[plugin.type] ?? PLUGINS, plugin.type)
    const config = { ...network, ...plugin, ...(prevResult !== undefined && { prevResult }) }
    const { code, output } = await callPlugin(program, { ...call, command: 'ADD', config })
    if (code !== 0) throw new Error(`${plugin.type}: ${output}`)
    prevResult = JSON.parse(output)
  }
  return prevResult
}

/** Writes our plugin with these settings into a folder. @returns its path. */
export function writePlugin(folder: string, settings: GateOptions): string {
  const program = join(folder, PLUGIN)
  writeFileSync(program, pluginProgram(settings), { mode: 0o755 })
  return program
}
