import { performance } from 'node:perf_hooks'
import { createLog, systemTimer } from '@sekisho/control'
import type { Clock, EpochMs } from '@sekisho/core'
import { runCommand } from './commands.ts'
import { HELP, parseCommand, type ServerOptions } from './options.ts'
import { startServer } from './server.ts'

const clock: Clock = { now: () => Date.now() as EpochMs, monotonic: () => performance.now() }
const log = createLog(line => process.stderr.write(`${line}\n`), clock)

async function serve(options: ServerOptions): Promise<void> {
  const stop = new Promise<string>(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve)
  })
  await using _server = await startServer(options, { clock, timer: systemTimer, log })
  log.info('stopping', { signal: await stop })
}

/** Exit codes: 0 done, 1 failed, 2 the command line is wrong. */
async function main(): Promise<number> {
  const command = parseCommand(process.argv.slice(2))
  if (!command.ok) {
    process.stderr.write(`${command.error.map(line => `sekisho-server: ${line}\n`).join('')}${HELP}`)
    return 2
  }
  switch (command.value.kind) {
    case 'help':
      process.stdout.write(HELP)
      return 0
    case 'serve':
      await serve(command.value.options)
      return 0
    default:
      process.stdout.write(`${runCommand(command.value, clock)}\n`)
      return 0
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  log.error('the server ended', error)
  process.exitCode = 1
}
