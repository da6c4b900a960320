import type { UnusedView } from '@sekisho/control'
import { type EpochMs, SekishoError } from '@sekisho/core'
import type { PolicyDocument, UsedRule, UsingFlow } from '@sekisho/policy'
import { findUnused } from '@sekisho/policy/learn'
import { text, texts } from '../../arguments.ts'
import type { Invocation } from '../../command.ts'
import { daysOf, printUnused } from '../unused.ts'
import { modelNow, readCluster } from './files.ts'
import { FlowReader, readFlows } from './flows.ts'

/** Files know no history; what `kubectl get -o yaml` printed says when it was made. */
function madeAt({ source }: PolicyDocument): EpochMs | undefined {
  const { creationTimestamp } = source.metadata as { readonly creationTimestamp?: unknown }
  const at = typeof creationTimestamp === 'string' ? Date.parse(creationTimestamp) : Number.NaN
  return Number.isNaN(at) ? undefined : (at as EpochMs) // milliseconds by definition
}

/** The time that flows are of: between the first and the last of them. */
function observedIn(flows: readonly { readonly first: string; readonly last: string }[], path: string) {
  if (flows.length === 0)
    throw new SekishoError('bad-request', `${path} holds no flows: nothing was observed`)
  const least = (times: readonly number[]) => times.reduce((a, b) => Math.min(a, b))
  return {
    since: least(flows.map(({ first }) => Date.parse(first))) as EpochMs, // milliseconds by definition
    until: -least(flows.map(({ last }) => -Date.parse(last))) as EpochMs, // as above
  }
}

const time = (at: EpochMs): string => new Date(at).toISOString()

const ruleView = ({ last, since, ...rest }: UsedRule): UnusedView['rules'][number] => ({
  ...rest,
  ...(last !== undefined && { last: time(last) }),
  since: time(since),
})

/** Rules of the policies of -f that no exported flow needs. */
export async function unused(invocation: Invocation, path: string): Promise<number> {
  const { values } = invocation
  const days = daysOf(values)
  const namespace = text(values, 'namespace')
  const model = modelNow(await readCluster(values, texts(values, 'filename')))
  const lines = await readFlows(path)
  const observed = observedIn(lines, path)
  const reader = new FlowReader(model)
  const found = findUnused({
    model,
    flows: lines.map((line): UsingFlow => reader.using(line)),
    observed,
    days,
    ...(namespace !== undefined && { namespaces: [namespace] }),
    changedAt: id => {
      const policy = model.policies.get(id)
      return policy && madeAt(policy)
    },
  })
  const view: UnusedView = {
    since: time(observed.since),
    until: time(observed.until),
    yaml: found.yaml,
    rules: found.rules.map(ruleView),
  }
  return printUnused(invocation, view, days)
}
