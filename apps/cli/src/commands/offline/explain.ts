import { formatIp } from '@sekisho/core'
import type { Model, QueryEnd } from '@sekisho/policy'
import {
  compileWorkloadSet,
  explain as explainFlow,
  explainSentences,
  parseEnd,
  parsePort,
} from '@sekisho/policy/explain'
import { required, text, texts, UsageError } from '../../arguments.ts'
import { EXIT, type Invocation } from '../../command.ts'
import { describeExplanation, language } from '../explain.ts'
import { modelNow, readCluster } from './files.ts'

/** One workload of the files, or one address. */
function findEnd(model: Model, written: string): QueryEnd {
  const end = parseEnd(written)
  if (!end.ok) throw new UsageError(end.error)
  const set = end.value
  const [range] = set.kind === 'addresses' ? set.ranges : []
  if (range) return { ip: formatIp({ family: range.family, value: range.first }) }
  if (set.kind !== 'workloads') throw new UsageError(`name one workload or address, not "${written}"`)
  const matches = compileWorkloadSet(set)
  const found = [...model.workloads.values()].find(each =>
    matches(each, model.namespaces.get(each.namespace)),
  )
  if (!found) throw new UsageError(`no workload of these files is ${written}`)
  return { workload: found.id }
}

export async function explain({ values, positionals, output }: Invocation): Promise<number> {
  const from = required(positionals, 1, 'FROM')
  const to = required(positionals, 2, 'TO')
  const ports = parsePort(required(positionals, 3, 'PORT[/PROTOCOL]'))
  if (!ports.ok) throw new UsageError(ports.error)
  const { port, protocol } = ports.value
  if (port === undefined || protocol === undefined) throw new UsageError('name one port')
  const model = modelNow(await readCluster(values, texts(values, 'filename')))
  const query = { source: findEnd(model, from), destination: findEnd(model, to), protocol, port }
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
