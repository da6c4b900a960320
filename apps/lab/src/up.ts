import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { run } from './command.ts'
import { askServer, controlPlane, waitForAgent } from './control-plane.ts'
import { keepLogsShort } from './logs.ts'
import { openBrowser } from './run.ts'
import { openSteps } from './steps.ts'
import { untilAskedToStop } from './stop.ts'

export interface RunUpOptions {
  /** Kept when it stops: the database, the agent's certificate and what it last enforced. */
  readonly stateDir?: string
  readonly port?: number
  readonly agentsPort?: number
  readonly browser?: boolean
  /** Removes the agent's rules from the kernel at the end. */
  readonly clean?: boolean
}

interface FoundWorkload {
  readonly namespace: string
  readonly kind: string
  readonly owner: { readonly kind: string; readonly name: string }
}

/** What the agent sees on this host, one line per group. */
function foundLines(workloads: readonly FoundWorkload[]): string[] {
  const groups = new Map<string, number>()
  for (const { namespace, owner, kind } of workloads) {
    const key = `${namespace}/${owner.name} (${kind})`
    groups.set(key, (groups.get(key) ?? 0) + 1)
  }
  return [...groups]
    .toSorted(([a], [b]) => a.localeCompare(b, 'en'))
    .map(([key, count]) => `${key}: ${count}`)
}

/** `sekisho up`: server and agent for the real workloads of this host, until Ctrl-C. @returns the exit code. */
export async function runUp(options: RunUpOptions = {}): Promise<number> {
  if (process.getuid?.() !== 0) {
    process.stderr.write('sekisho up needs root: it reads and programs the kernel’s firewall\n')
    return 1
  }
  const { stateDir: dir = '/var/lib/sekisho', port = 7443, agentsPort = port + 1 } = options
  const steps = openSteps(line => void process.stderr.write(line))
  const asked = untilAskedToStop()
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const control = controlPlane({
    dir,
    port,
    agentsPort,
    serverArguments: [],
    agentArguments: ['--node', hostname(), '--containers', '--systemd'],
    started: (name, { how }) => {
      if (how !== undefined) steps.say('restarted', `${name} (it ended with ${how})`)
    },
  })
  {
    await using resources = new AsyncDisposableStack()
    resources.use(keepLogsShort(dir, error => steps.say('logs', `cannot be cut: ${String(error)}`)))
    const access = await steps.run(
      'server',
      () => control.startServer('up'),
      () => control.url,
    )
    resources.use(access.server)
    resources.use(control.startAgent(access))
    await steps.run('agent', () => waitForAgent(access))
    const link = await control.loginLink()
    const { items } = (await askServer(access, '/workloads')) as { items: FoundWorkload[] } // our own API
    steps.say('found', `${items.length} workloads`)
    for (const line of foundLines(items)) steps.say('', line)
    process.stdout.write(`\n  Open ${link}\n  (valid once, for 15 minutes)\n\n`)
    if (options.browser !== false) openBrowser(link)
    await asked
  }
  if (options.clean) await run([control.agentProgram, 'uninstall'])
  process.stderr.write(
    options.clean
      ? 'Stopped; the rules are removed.\n'
      : 'Stopped. Rules that were in force stay in the kernel; "sekisho-agent uninstall" removes them (or use --clean).\n',
  )
  return 0
}
