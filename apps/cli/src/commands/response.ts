import type { ChangeView, ResponseView } from '@sekisho/control'
import { required, UsageError } from '../arguments.ts'
import { type Command, EXIT, type Invocation } from '../command.ts'
import { age } from '../output/format.ts'
import { changeName, describeChange } from './changes.ts'

/** The last part of the policy's id: what one lifts it by. */
const nameOf = ({ policy }: ResponseView): string => policy.slice(policy.lastIndexOf('/') + 1)

async function list({ output, client }: Invocation): Promise<number> {
  const items = await (await client()).list<ResponseView>('responses')
  if (items.length === 0) output.progress('Nothing is in quarantine or blocked.')
  const now = Date.now()
  await output.list(items, {
    columns: [
      { title: 'NAME', value: nameOf },
      { title: 'ACTION', value: ({ action }) => action },
      { title: 'TARGET', value: ({ target }) => target },
      { title: 'PEER', value: ({ peer }) => peer ?? '-' },
      { title: 'RULE', value: ({ rule }) => rule },
      { title: 'AGE', value: ({ since }) => age(since, now) },
      { title: 'UNTIL', value: ({ until }) => until.slice(0, 19).replace('T', ' ') },
      { title: 'WHY', value: ({ why }) => why },
    ],
    name: ({ policy }) => policy,
  })
  return EXIT.ok
}

/** By its name, or by whom it is about: then everything that is done about it. */
async function lift({ positionals, output, client }: Invocation): Promise<number> {
  const wanted = required(positionals, 1, 'the name of the response, or the workload or address it is about')
  const api = await client()
  const items = await api.list<ResponseView>('responses')
  const found = items.filter(
    item => nameOf(item) === wanted || item.policy === wanted || item.target === wanted,
  )
  if (found.length === 0)
    throw new UsageError(`there is no response "${wanted}"; "sekisho response list" shows what is in force`)
  const ids = found.map(({ policy }) => policy)
  const change = await api.post<ChangeView>('policies/delete', { ids })
  await output.one(change, { human: describeChange, name: changeName })
  return EXIT.ok
}

export const response: Command = {
  usage: 'sekisho response [list | lift NAME|TARGET]',
  run: async invocation => {
    const verb = invocation.positionals[0] ?? 'list'
    if (verb === 'list') return list(invocation)
    if (verb === 'lift') return lift(invocation)
    throw new UsageError(`there is no "response ${verb}"`)
  },
}
