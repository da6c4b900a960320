import type { ChangeView } from '@sekisho/control'
import { notEnforcedText } from '@sekisho/policy/not-enforced'
import { required, UsageError } from '../arguments.ts'
import { type Command, EXIT, type Invocation } from '../command.ts'
import { age } from '../output/format.ts'

export const changeName = (change: ChangeView): string => `change/${change.id}`

/** What a change did, and how long one has to keep it. */
export function describeChange(change: ChangeView): string {
  const lines = change.policies.map(policy => `${policy.id} ${policy.action}`)
  for (const part of change.notEnforced ?? [])
    lines.push(`Not enforced everywhere: ${part.rule ?? part.policy} ${notEnforcedText(part, 'en')}`)
  if (change.state === 'pending' && change.revertsAt) {
    lines.push(`Takes itself back at ${change.revertsAt}. Keep it with: sekisho changes keep ${change.id}`)
  }
  return `${lines.join('\n')}\n`
}

async function list({ output, client }: Invocation): Promise<number> {
  const items = await (await client()).list<ChangeView>('changes')
  const now = Date.now()
  await output.list(items, {
    columns: [
      { title: 'ID', value: change => change.id },
      { title: 'STATE', value: change => change.state },
      { title: 'POLICIES', value: change => String(change.policies.length) },
      { title: 'BY', value: change => change.actor },
      { title: 'AGE', value: change => age(change.at, now) },
      { title: 'SUMMARY', value: change => change.summary },
    ],
    name: changeName,
  })
  return EXIT.ok
}

export const changes: Command = {
  usage: 'sekisho changes [list | keep ID | revert ID]',
  run: async invocation => {
    const verb = invocation.positionals[0] ?? 'list'
    if (verb === 'list') return list(invocation)
    if (verb !== 'keep' && verb !== 'revert') throw new UsageError(`there is no "changes ${verb}"`)
    const id = required(invocation.positionals, 1, 'the ID of the change')
    const api = await invocation.client()
    const change = await api.post<ChangeView>(`changes/${encodeURIComponent(id)}/${verb}`, {})
    await invocation.output.one(change, {
      human: done => `${changeName(done)} ${done.state}\n`,
      name: changeName,
    })
    return EXIT.ok
  },
}
