import {
  ATTACKS,
  attack,
  isAttack,
  type LabStatus,
  labStatus,
  type RunLabOptions,
  runLab,
  statusLines,
} from '@sekisho/lab'
import { required, UsageError, wholeNumber } from '../arguments.ts'
import { type Command, EXIT, type Invocation } from '../command.ts'

const attackList = (): string =>
  Object.entries(ATTACKS)
    .map(([name, summary]) => `    ${name.padEnd(12)} ${summary}`)
    .join('\n')

async function runAttack({ positionals }: Invocation): Promise<number> {
  const name = required(positionals, 1, `the name of an attack (${Object.keys(ATTACKS).join(', ')})`)
  if (!isAttack(name))
    throw new UsageError(`there is no attack "${name}"; known are ${Object.keys(ATTACKS).join(', ')}`)
  await attack(name)
  return EXIT.ok
}

async function status({ output }: Invocation): Promise<number> {
  const found = labStatus()
  if (!found) {
    output.progress('No lab runs here. Start one with "sekisho lab".')
    return EXIT.failed
  }
  const human = (shown: LabStatus): string => `${statusLines(shown).join('\n')}\n`
  await output.one(found, { human, name: shown => shown.programs.map(program => program.name).join('\n') })
  return found.running ? EXIT.ok : EXIT.failed
}

function start({ values }: Invocation): Promise<number> {
  const port = wholeNumber(values, 'port')
  const options: RunLabOptions = {
    browser: !values['no-browser'],
    campaign: !values['no-campaign'],
    ...(port === undefined ? {} : { port }),
  }
  return runLab(options)
}

const VERBS: Readonly<Record<string, (invocation: Invocation) => Promise<number>>> = {
  attack: runAttack,
  status,
}

export const lab: Command = {
  usage: `sekisho lab [--no-browser] [--no-campaign] [--port 7443]
  sekisho lab status
  sekisho lab attack NAME
${attackList()}`,
  options: {
    'no-browser': { type: 'boolean' },
    'no-campaign': { type: 'boolean' },
    port: { type: 'string' },
  },
  run: invocation => {
    const verb = invocation.positionals[0]
    if (verb === undefined) return start(invocation)
    const run = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined
    if (!run) throw new UsageError(`there is no "lab ${verb}"`)
    return run(invocation)
  },
}
