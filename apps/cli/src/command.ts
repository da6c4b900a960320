import type { ParseArgsConfig } from 'node:util'
import type { Values } from './arguments.ts'
import type { Client } from './client.ts'
import type { Output } from './output/output.ts'

/** What a command is given: its arguments, where to write, and a client that connects only when asked for. */
export interface Invocation {
  readonly values: Values
  readonly positionals: readonly string[]
  readonly output: Output
  client(): Promise<Client>
}

/** One command; `run` resolves to the exit code. */
export interface Command {
  readonly usage: string
  readonly options?: NonNullable<ParseArgsConfig['options']>
  run(invocation: Invocation): Promise<number>
}

/** 0 done; 1 failed at run time, or differences found; 2 the command line is wrong. The same for every output format. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const
