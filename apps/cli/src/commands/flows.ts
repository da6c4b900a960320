import type { FlowView, StreamMessage } from '@sekisho/control'
import { compileFilter, formatFilterTerm, parseFilter } from '@sekisho/core'
import { text, UsageError, wholeNumber } from '../arguments.ts'
import { type Command, EXIT, type Invocation } from '../command.ts'
import { bytes, end, outcome } from '../output/format.ts'
import type { Output } from '../output/output.ts'
import type { Column } from '../output/table.ts'

/** Of one line; `-o json` has them all. */
const REQUESTS_SHOWN = 3

function requests({ requests: asked = [] }: FlowView): string {
  const shown = asked.slice(0, REQUESTS_SHOWN).map(({ name, count }) => `${name || '(others)'} ×${count}`)
  const more = asked.length - shown.length
  return [...shown, ...(more > 0 ? [`+${more}`] : [])].join(', ') || '-'
}

const columns = (output: Output): readonly Column<FlowView>[] => [
  { title: 'LAST', value: flow => flow.last.slice(11, 19) },
  { title: 'VERDICT', value: flow => outcome(flow.outcome, output) },
  { title: 'SOURCE', value: flow => end(flow.source) },
  { title: 'DESTINATION', value: flow => end(flow.destination) },
  { title: 'PORT', value: flow => `${flow.port}/${flow.protocol}` },
  { title: 'APPLICATION', value: flow => flow.application ?? '-' },
  { title: 'CONNS', value: flow => String(flow.connections) },
  { title: 'BYTES', value: flow => bytes(flow.bytesToDestination + flow.bytesToSource), wide: true },
  { title: 'WHY', value: flow => flow.why },
  { title: 'BY', value: flow => flow.by ?? '-' },
  { title: 'REQUESTS', value: requests, wide: true },
]
const flowName = (flow: FlowView): string => `flow/${flow.id}`

/** `-n` narrows the filter; both use the grammar of the console. */
export function filterText(invocation: Pick<Invocation, 'values' | 'positionals'>): string | undefined {
  const namespace = text(invocation.values, 'namespace')
  const application = text(invocation.values, 'application')
  const words = [
    namespace && `ns:${namespace}`,
    application && formatFilterTerm({ key: 'app', value: application, not: false }),
    text(invocation.values, 'filter'),
    ...invocation.positionals,
  ]
  return words.filter(Boolean).join(' ') || undefined
}

async function follow(invocation: Invocation, filter: string | undefined): Promise<number> {
  const { output } = invocation
  const terms = parseFilter(filter ?? '')
  if (!terms.ok) throw new UsageError(`the filter is not understood at "${terms.error}"`)
  const matches = compileFilter(terms.value)
  const api = await invocation.client()
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  output.progress('Following flows; Ctrl-C ends.')
  for await (const event of api.stream(stop.signal)) {
    if (event.event !== 'flows') continue
    const message = JSON.parse(event.data) as Extract<StreamMessage, { kind: 'flows' }> // the server's schema
    for (const flow of message.flows.filter(matches)) {
      if (output.format === 'json') output.text(JSON.stringify(flow))
      else if (output.format === 'name') output.text(flowName(flow))
      else if (output.format === 'yaml')
        await output.list([flow], { columns: columns(output), name: flowName })
      else output.text(line(flow, output))
    }
  }
  return EXIT.ok
}

const line = (flow: FlowView, output: Output): string =>
  [
    flow.last.slice(11, 19),
    outcome(flow.outcome, output),
    `${end(flow.source)} → ${end(flow.destination)}:${flow.port}/${flow.protocol}`,
    ...(flow.application === undefined ? [] : [flow.application]),
    `×${flow.connections}`,
    flow.by ?? flow.why,
  ].join('  ')

export const flows: Command = {
  usage: 'sekisho flows [FILTER…] [-f] [--application NAME] [--window 15m] [--limit 100]',
  options: {
    follow: { type: 'boolean', short: 'f' },
    application: { type: 'string' },
    filter: { type: 'string' },
    window: { type: 'string' },
    limit: { type: 'string' },
  },
  run: async invocation => {
    const { values, output, client } = invocation
    const filter = filterText(invocation)
    if (values.follow) return follow(invocation, filter)
    const api = await client()
    const limit = wholeNumber(values, 'limit') ?? 100
    const window = text(values, 'window') ?? '15m'
    const items = await api.list<FlowView>('flows', { window, filter }, limit)
    if (items.length === 0)
      output.progress(`No flows in the last ${window}${filter ? ` match "${filter}"` : ''}.`)
    await output.list(items, { columns: columns(output), name: flowName })
    return EXIT.ok
  },
}
