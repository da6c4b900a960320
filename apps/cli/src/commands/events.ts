import type { EventView } from '@sekisho/control'
import { text, wholeNumber } from '../arguments.ts'
import { type Command, EXIT } from '../command.ts'

const details = (event: EventView): string =>
  Object.entries(event.details)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ')

export const events: Command = {
  usage: 'sekisho events [--window 24h] [--limit 100]',
  options: { window: { type: 'string' }, limit: { type: 'string' } },
  run: async ({ values, output, client }) => {
    const api = await client()
    const window = text(values, 'window') ?? '24h'
    const items = await api.list<EventView>('events', { window }, wholeNumber(values, 'limit') ?? 100)
    if (items.length === 0) output.progress(`No events in the last ${window}.`)
    await output.list(items, {
      columns: [
        { title: 'AT', value: event => event.at.slice(0, 19).replace('T', ' ') },
        { title: 'SEVERITY', value: event => event.severity },
        { title: 'EVENT', value: event => event.code },
        { title: 'WORKLOAD', value: event => event.workload ?? '-' },
        { title: 'NODE', value: event => event.node ?? '-', wide: true },
        { title: 'DETAILS', value: details },
      ],
      name: event => `event/${event.id}`,
    })
    return EXIT.ok
  },
}
