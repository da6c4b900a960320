import { enableAccounting } from '@sekisho/linux'
import { createLog } from './log.ts'
import { parseCommand, type RunOptions, USAGE, UsageError } from './options.ts'
import { stateDirectory } from './state-directory.ts'
import { SYSTEM_TIMERS } from './timers.ts'

const log = createLog(line => process.stderr.write(line))
const print = (text: string) => process.stdout.write(`${text}\n`)

/** Runs until SIGTERM or SIGINT; a second signal ends it at once. */
async function run(options: RunOptions): Promise<void> {
  const { runAgent } = await import('./agent.ts')
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      log.info('stopping; the rules stay in the kernel', { signal: name })
      stop.abort()
    })
  }
  await runAgent(options, { timers: SYSTEM_TIMERS, log, signal: stop.signal })
}

/** Each command loads what it is made of: who asks for the status does not wait for the agent's code. */
async function main(): Promise<number> {
  const command = parseCommand(process.argv.slice(2), process.env)
  switch (command.kind) {
    case 'run':
      await run(command)
      return 0
    case 'status': {
      const { askStatus } = await import('./report/endpoint.ts')
      print(await askStatus(stateDirectory(command.state).socket))
      return 0
    }
    case 'uninstall': {
      const { uninstall } = await import('./uninstall.ts')
      print(await uninstall(command.netns, command.cniConfig))
      return 0
    }
    case 'prepare':
      enableAccounting(command.netns)
      return 0
    case 'help':
      print(USAGE)
      return 0
  }
}

/** 0 done, 1 failed, 2 wrong usage. */
try {
  process.exitCode = await main()
} catch (error) {
  if (error instanceof UsageError) process.stderr.write(`sekisho-agent: ${error.message}\n\n${USAGE}`)
  else log.error('the agent has failed', error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
