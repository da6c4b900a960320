import { text } from '../arguments.ts'
import { type Command, EXIT } from '../command.ts'
import { openKubectl } from '../kubernetes/kubectl.ts'
import { remove } from '../kubernetes/removal.ts'

export const uninstall: Command = {
  usage:
    'sekisho uninstall [--everything] [--context NAME]   --everything: also policies, records and the namespace',
  options: { everything: { type: 'boolean' }, context: { type: 'string' } },
  run: async ({ values, output }) => {
    const everything = Boolean(values.everything)
    const { stays, command } = await remove(openKubectl(text(values, 'context')), {
      everything,
      onStep: line => output.text(line),
    })
    for (const each of stays) output.text(`stays: ${each}`)
    if (command !== undefined) output.text(`to remove what is in the cluster: ${command}`)
    return EXIT.ok
  },
}
