import { parseArgs } from 'node:util'
import { ATTACKS, attack, isAttack } from './attack.ts'
import { runLab } from './run.ts'
import { labStatus, statusLines } from './status.ts'
import { runUp } from './up.ts'

const HELP = `Usage: lab [run]              start the lab; Ctrl-C removes it
       lab up                 server and agent for this host's own workloads
       lab status [--json]    what runs, and what the programs count
       lab attack NAME        ${Object.keys(ATTACKS).join(', ')}

  --port N          console and API (7443); agents use the next one
  --no-campaign     the attacker waits for "lab attack"
  --no-browser      only print the link
  --clean           with "up": remove the rules at the end
`

function status(json: boolean): number {
  const found = labStatus()
  if (!found) {
    process.stderr.write('no lab runs here\n')
    return 1
  }
  process.stdout.write(`${json ? JSON.stringify(found, null, 2) : statusLines(found).join('\n')}\n`)
  return 0
}

async function single(name: string): Promise<number> {
  if (!isAttack(name)) {
    process.stderr.write(`no attack is called "${name}"\n${HELP}`)
    return 2
  }
  const { reached, stopped } = await attack(name)
  process.stderr.write(`${name}: ${reached} reached their goal, ${stopped} were stopped\n`)
  return 0
}

/** Exit codes: 0 done, 1 failed, 2 the command line is wrong. */
async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    allowNegative: true,
    options: {
      port: { type: 'string', default: '7443' },
      campaign: { type: 'boolean', default: true },
      browser: { type: 'boolean', default: true },
      clean: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const port = Number(values.port)
  const { campaign, browser, clean, json } = values
  switch (positionals[0] ?? 'run') {
    case 'run':
      return runLab({ port, campaign, browser })
    case 'up':
      return runUp({ port, browser, clean })
    case 'status':
      return status(json)
    case 'attack':
      return single(positionals[1] ?? '')
    default:
      process.stderr.write(HELP)
      return 2
  }
}

process.exitCode = await main(process.argv.slice(2))
