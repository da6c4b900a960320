import type { Model, QueryEnd } from '@sekisho/policy'
import { explain as explainFlow, explainSentences, findEnd, parsePort } from '@sekisho/policy/explain'
import { required, text, texts, UsageError } from '../../arguments.ts'
import { EXIT, type Invocation } from '../../command.ts'
import { describeExplanation, language } from '../explain.ts'
import { modelNow, readCluster } from './files.ts'

function endOf(model: Model, written: string): QueryEnd {
  const end = findEnd(model, written)
  if (!end.ok) throw new UsageError(end.error)
  return end.value
}

export async function explain({ values, positionals, output }: Invocation): Promise<number> {
  const from = required(positionals, 1, 'FROM')
  const to = required(positionals, 2, 'TO')
  const ports = parsePort(required(positionals, 3, 'PORT[/PROTOCOL]'))
  if (!ports.ok) throw new UsageError(ports.error)
  const { port, protocol } = ports.value
  if (port === undefined || protocol === undefined) throw new UsageError('name one port')
  const model = modelNow(await readCluster(values, texts(values, 'filename')))
  const query = { source: endOf(model, from), destination: endOf(model, to), protocol, port }
  const explanation = explainFlow(model, query)
  const sentences = { en: explainSentences(explanation, 'en'), ja: explainSentences(explanation, 'ja') }
  const spoken = language(text(values, 'lang'))
  await output.one(
    { ...explanation, sentences },
    {
      human: ({ considered, change }) =>
        describeExplanation({ sentences, considered: [...considered], change: change?.yaml }, spoken),
      name: ({ outcome }) => `${outcome} ${from} ${to}`,
    },
  )
  return EXIT.ok
}
