import { execFile } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CniOptions, pluginProgram } from '../src/cni/chain.ts'
import { PLUGIN } from '../src/cni/conflist.ts'

export interface PluginCall {
  readonly command: string
  readonly container?: string
  readonly interface?: string
  readonly netns?: string
  readonly args?: string
  readonly config?: object
}

export interface PluginAnswer {
  readonly code: number
  readonly output: string
}

/** Runs a CNI plugin as a runtime does: what is asked by variables, the configuration on standard input. */
export function callPlugin(program: string, call: PluginCall): Promise<PluginAnswer> {
  const env = {
    PATH: process.env.PATH,
    CNI_COMMAND: call.command,
    CNI_CONTAINERID: call.container ?? 'c1',
    CNI_IFNAME: call.interface ?? 'eth0',
    CNI_NETNS: call.netns ?? '/proc/self/ns/net',
    CNI_ARGS: call.args ?? '',
    CNI_PATH: '/usr/lib/cni',
  }
  return new Promise((resolve, reject) => {
    const child = execFile(program, { env }, (error, output) => {
      if (error && typeof error.code !== 'number') reject(error)
      else resolve({ code: Number(error?.code ?? 0), output })
    })
    child.stdin?.end(JSON.stringify(call.config ?? {}))
  })
}

/** Writes our plugin with these settings into a folder. @returns its path. */
export function writePlugin(
  folder: string,
  settings: Pick<CniOptions, 'directory' | 'fallback' | 'exempt'>,
  waitSeconds?: number,
): string {
  const program = join(folder, PLUGIN)
  const text = pluginProgram(settings)
  writeFileSync(program, waitSeconds === undefined ? text : text.replace(/ wait=\d+/, ` wait=${waitSeconds}`))
  chmodSync(program, 0o755)
  return program
}
