import { required, UsageError } from '../arguments.ts'
import { type Command, EXIT } from '../command.ts'
import { COMMANDS } from './index.ts'
import { POLICY_VERBS } from './policy.ts'

const names = (): string => Object.keys(COMMANDS).join(' ')
const VERBS = {
  policy: POLICY_VERBS.join(' '),
  changes: 'list keep revert',
  response: 'list lift',
  agents: 'list remove',
  lab: 'attack status',
  completion: 'bash zsh fish',
} as const
const GLOBALS = '--output --no-headers --namespace --server --token --color --lang --quiet --help'

const bash = (): string => `_sekisho() {
  local word=\${COMP_WORDS[COMP_CWORD]}
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
${Object.entries(VERBS)
  .map(([command, verbs]) => `    ${command}) COMPREPLY=($(compgen -W "${verbs}" -- "$word")); return;;`)
  .join('\n')}
    -o|--output) COMPREPLY=($(compgen -W "table wide json yaml name" -- "$word")); return;;
    -f|--filename) COMPREPLY=($(compgen -f -- "$word")); return;;
  esac
  if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "${GLOBALS}" -- "$word"))
  elif [[ $COMP_CWORD == 1 ]]; then COMPREPLY=($(compgen -W "${names()}" -- "$word"))
  else COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -F _sekisho sekisho
`

const zsh = (): string => `#compdef sekisho
autoload -U +X bashcompinit && bashcompinit
${bash()}`

const fish = (): string =>
  [
    ...Object.entries(COMMANDS).map(
      ([name, { summary }]) => `complete -c sekisho -n __fish_use_subcommand -f -a ${name} -d '${summary}'`,
    ),
    ...Object.entries(VERBS).map(
      ([command, verbs]) =>
        `complete -c sekisho -n '__fish_seen_subcommand_from ${command}' -f -a '${verbs}'`,
    ),
    `complete -c sekisho -s o -l output -x -a 'table wide json yaml name'`,
    '',
  ].join('\n')

const SHELLS: Readonly<Record<string, () => string>> = { bash, zsh, fish }

export const completion: Command = {
  usage: 'sekisho completion bash|zsh|fish      (for example: source <(sekisho completion bash))',
  run: async ({ positionals, output }) => {
    const shell = required(positionals, 0, 'the shell (bash, zsh or fish)')
    const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined
    if (!script) throw new UsageError(`there is no completion for "${shell}"; bash, zsh and fish have one`)
    output.text(script().trimEnd())
    return EXIT.ok
  },
}
