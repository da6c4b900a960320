import { basename } from 'node:path'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { SekishoError } from '@sekisho/core'
import { text, UsageError, type Values } from './arguments.ts'
import { type Command, EXIT, type Invocation } from './command.ts'
import { COMMANDS } from './commands/index.ts'
import { createOutput, parseFormat, wantsColor } from './output/output.ts'

const GLOBAL_OPTIONS = {
  output: { type: 'string', short: 'o' },
  'no-headers': { type: 'boolean' },
  namespace: { type: 'string', short: 'n' },
  server: { type: 'string' },
  token: { type: 'string' },
  color: { type: 'string' },
  lang: { type: 'string' },
  quiet: { type: 'boolean', short: 'q' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options']

/** `kubectl sekisho …` when started as the plugin `kubectl-sekisho`. */
const programName = (path: string): string =>
  basename(path).startsWith('kubectl-') ? basename(path).replaceAll('-', ' ') : 'sekisho'

function help(program: string): string {
  const widest = Math.max(...Object.keys(COMMANDS).map(name => name.length))
  const commands = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `  ${name.padEnd(widest)}   ${summary}`,
  )
  return [
    `${program}: see, learn and enforce what workloads may say to each other`,
    '',
    `Usage: ${program} COMMAND [options]`,
    '',
    ...commands,
    '',
    'Options of every command:',
    '  -o, --output table|wide|json|yaml|name   --no-headers   -n, --namespace NAME',
    '  --server URL   --token TOKEN   --color auto|always|never   -q, --quiet',
    '  --lang en|ja (of explanations)',
    '',
    `"${program} COMMAND --help" says more. Exit codes: 0 done, 1 failed or different, 2 wrong usage.`,
    '',
  ].join('\n')
}

function parse(
  command: Command,
  args: readonly string[],
): { values: Values; positionals: readonly string[] } {
  try {
    const options = { ...GLOBAL_OPTIONS, ...command.options }
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true })
    return { values: parsed.values as Values, positionals: parsed.positionals } // parseArgs' own value types
  } catch (error) {
    // Node goes on to advise on positional arguments, which is seldom what was meant.
    throw new UsageError(error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error))
  }
}

function invocation(values: Values, positionals: readonly string[]): Invocation {
  const output = createOutput({
    format: parseFormat(text(values, 'output')),
    headers: !values['no-headers'],
    color: wantsColor(text(values, 'color'), Boolean(process.stdout.isTTY)),
    quiet: Boolean(values.quiet),
    stdout: process.stdout,
    stderr: process.stderr,
  })
  const client = async () => {
    const [{ connect }, { findConnection }] = await Promise.all([
      import('./client.ts'),
      import('./connection.ts'),
    ])
    return connect(findConnection(values))
  }
  return { values, positionals, output, client }
}

const UNKNOWN_TOKEN =
  'the server does not know this token, or it has expired; "sekisho-server token --data DIR" on the server prints a new one'

/** What is said about one verb; all of it where the verb is not known. */
function usageOf(usage: string, verb: string | undefined): string {
  const lines = usage.split('\n').filter(line => verb !== undefined && line.trim().split(/\s+/)[2] === verb)
  return lines.length > 0 ? lines.map(line => line.trim()).join('\n  ') : usage
}

function report(error: unknown, usage: string | undefined): number {
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  if (error instanceof UsageError) {
    say(`sekisho: ${error.message}`)
    if (usage) say(`Usage:\n  ${usage}`)
    return EXIT.usage
  }
  if (error instanceof SekishoError) {
    say(`sekisho: ${error.code === 'unauthenticated' ? UNKNOWN_TOKEN : error.message}`)
    for (const problem of error.problems) {
      if (error.message.endsWith(problem.reason)) continue
      const place = problem.line === undefined ? '' : `line ${problem.line}: `
      say(`  document ${problem.document + 1}: ${place}${problem.path}: ${problem.reason}`)
    }
    return EXIT.failed
  }
  // Not one of ours: the stack is what a bug report needs.
  say(error instanceof Error ? (error.stack ?? error.message) : String(error))
  return EXIT.failed
}

export async function run(args: readonly string[], path: string): Promise<number> {
  const [name, ...rest] = args
  const program = programName(path)
  if (name === 'help' && rest.length > 0) return run([...rest, '--help'], path)
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(help(program))
    return name === undefined ? EXIT.usage : EXIT.ok
  }
  const entry = Object.hasOwn(COMMANDS, name === '--version' ? 'version' : name)
    ? COMMANDS[name === '--version' ? 'version' : name]
    : undefined
  if (!entry)
    return report(new UsageError(`there is no command "${name}"; "${program} help" lists them`), undefined)
  const command = await entry.load()
  try {
    const { values, positionals } = parse(command, rest)
    if (values.help) {
      process.stdout.write(`Usage:\n  ${command.usage}\n`)
      return EXIT.ok
    }
    return await command.run(invocation(values, positionals))
  } catch (error) {
    return report(error, usageOf(command.usage, rest[0]))
  }
}
