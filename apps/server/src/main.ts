import { existsSync, mkdirSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { systemClock as clock } from './clock.ts'
import { keepCompiled } from './data.ts'
import type { ServerOptions } from './options.ts'

// Each command loads what it needs, from compiled code where there is some: starting is most of what a short one does.

async function serve(options: ServerOptions): Promise<void> {
  mkdirSync(options.data, { recursive: true, mode: 0o700 })
  keepCompiled(options.data)
  const [{ startServer }, { createLog, systemTimer }] = await Promise.all([
    import('./server.ts'),
    import('@sekisho/control'),
  ])
  const log = createLog(line => process.stderr.write(`${line}\n`), clock)
  const stop = new Promise<string>(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve)
  })
  await using _server = await startServer(options, { clock, timer: systemTimer, log })
  // Now, not at the end: the short commands that are called while we run start from it too.
  flushCompileCache()
  log.info('stopping', { signal: await stop })
}

/** Exit codes: 0 done, 1 failed, 2 the command line is wrong. */
async function main(): Promise<number> {
  keepCompiled()
  const { HELP, parseCommand } = await import('./options.ts')
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
    case 'remove-agents': {
      const [{ removeOwnAgents }, { systemTimer }] = await Promise.all([
        import('./remove-agents.ts'),
        import('@sekisho/control'),
      ])
      await removeOwnAgents(command.value.pod, { ...clock, after: systemTimer.after })
      return 0
    }
    default: {
      const { data } = command.value
      if (!existsSync(data)) throw new Error(`there is no server data in ${data}; start the server first`)
      keepCompiled(data)
      if (command.value.kind === 'status') {
        const { serverStatus } = await import('./status.ts')
        process.stdout.write(`${serverStatus(data, clock)}\n`)
        return 0
      }
      const { runCommand } = await import('./commands.ts')
      process.stdout.write(`${runCommand(command.value, clock)}\n`)
      return 0
    }
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`sekisho-server: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
