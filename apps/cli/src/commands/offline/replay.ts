import type { SimulationResult } from '@sekisho/policy'
import { learn, simulate as simulateFlows } from '@sekisho/policy/learn'
import { text, texts, UsageError } from '../../arguments.ts'
import { EXIT, type Invocation } from '../../command.ts'
import { outcome } from '../../output/format.ts'
import { modelNow, readCluster } from './files.ts'
import { FlowReader, readFlows } from './flows.ts'

const groupLine = (group: SimulationResult['groups'][number], { output }: Invocation): string =>
  `${outcome(group.before, output)} → ${outcome(group.after, output)}  ${group.source} → ` +
  `${group.destination}:${group.port}/${group.protocol} ×${group.connections}  ${group.by ?? group.why}`

const describe = (result: SimulationResult, invocation: Invocation): string =>
  [
    `${result.flows} connections replayed: ${result.unchanged} unchanged, ${result.newlyDenied} newly denied, ` +
      `${result.newlyAllowed} newly allowed, ${result.auditChanged} reported otherwise` +
      (result.undecided > 0 ? `, ${result.undecided} depend on what is asked in them` : ''),
    ...result.groups.map(group => groupLine(group, invocation)),
    '',
  ].join('\n')

/** Replays exported flows: policies of --against before, those of -f after. Exit code 1 where connections break. */
export async function simulate(invocation: Invocation, path: string): Promise<number> {
  const { values, output } = invocation
  const manifests = await readCluster(values, texts(values, 'filename'))
  const against = texts(values, 'against')
  const old = against.length > 0 ? (await readCluster(values, against)).policies : []
  const after = modelNow(manifests)
  const reader = new FlowReader(after)
  const flows = (await readFlows(path)).map(flow => reader.recorded(flow))
  const result = simulateFlows({ flows, before: modelNow({ ...manifests, policies: old }), after })
  await output.one(result, {
    human: shown => describe(shown, invocation),
    name: shown => String(shown.newlyDenied),
  })
  return result.newlyDenied > 0 ? EXIT.failed : EXIT.ok
}

const KINDS = ['NetworkPolicy', 'SecurityPolicy'] as const

/** Least-privilege policies for the workloads of -f from exported flows. */
export async function suggest({ values, output }: Invocation, path: string): Promise<number> {
  const wanted = text(values, 'kind')
  const kind = KINDS.find(known => known === wanted)
  if (wanted !== undefined && !kind)
    throw new UsageError(`--kind takes ${KINDS.join(' or ')}, not "${wanted}"`)
  const reader = new FlowReader(modelNow(await readCluster(values, texts(values, 'filename'))))
  const namespace = text(values, 'namespace')
  const result = learn(
    (await readFlows(path)).map(flow => reader.learned(flow)),
    {
      groups: reader.groups(),
      ...(kind && { kind }),
      ...(namespace !== undefined && { namespaces: [namespace] }),
    },
  )
  const view = {
    yaml: result.yaml,
    policies: result.policies.map(({ document, rules }) => ({ id: document.id, rules })),
  }
  await output.one(view, {
    human: shown => shown.yaml,
    name: shown => shown.policies.map(({ id }) => id).join('\n'),
  })
  for (const { code, source, destination, port, protocol } of result.excluded)
    output.progress(`left out (${code}): ${source} → ${destination}:${port}/${protocol}`)
  return EXIT.ok
}
