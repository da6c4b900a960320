import { text, UsageError } from '../arguments.ts'
import { type Command, EXIT } from '../command.ts'
import { gatherFacts } from '../kubernetes/facts.ts'
import { openKubectl } from '../kubernetes/kubectl.ts'
import { made, manifests } from '../kubernetes/manifests.ts'
import { type Finding, preflight, type State } from '../kubernetes/preflight.ts'

const COLOR = { ok: 'green', warning: 'yellow', problem: 'red' } as const satisfies Record<State, string>

export const check: Command = {
  usage: 'sekisho check --pre [--context NAME]',
  options: { pre: { type: 'boolean' }, context: { type: 'string' } },
  run: async ({ values, output }) => {
    if (!values.pre) throw new UsageError('say what to check: --pre, a cluster before an installation')
    const objects = await made(manifests({ mode: 'observe' }))
    const findings = preflight(await gatherFacts(openKubectl(text(values, 'context')), objects))
    await output.list<Finding>(findings, {
      columns: [
        { title: 'CHECK', value: ({ check: name }) => name },
        { title: 'STATE', value: ({ state }) => output.paint(COLOR[state], state) },
        { title: 'FOUND', value: ({ found, advice }) => (advice ? `${found}; ${advice}` : found) },
      ],
      name: ({ check: name, state }) => `${name}: ${state}`,
    })
    return findings.some(({ state }) => state === 'problem') ? EXIT.failed : EXIT.ok
  },
}
