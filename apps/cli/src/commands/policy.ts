import type { ChangeView, PolicyView, SimulationView, SuggestionView } from '@sekisho/control'
import { MODES, type Mode } from '@sekisho/core'
import { duration, required, text, texts, UsageError } from '../arguments.ts'
import { type Command, EXIT, type Invocation } from '../command.ts'
import { readInput } from '../input.ts'
import { age, end, outcome } from '../output/format.ts'
import { changeName, describeChange } from './changes.ts'
import { OFFLINE, OFFLINE_OPTIONS, OFFLINE_USAGE } from './offline/verbs.ts'
import { convert } from './policy-convert.ts'
import { validate } from './policy-validate.ts'

const policyName = (policy: PolicyView): string => policy.id

async function list({ values, output, client }: Invocation): Promise<number> {
  const namespace = text(values, 'namespace')
  const items = await (await client()).list<PolicyView>('policies')
  const shown = items.filter(policy => namespace === undefined || policy.namespace === namespace)
  if (shown.length === 0)
    output.progress('No policies yet. "sekisho policy suggest" proposes some from what was seen.')
  const now = Date.now()
  await output.list(shown, {
    columns: [
      { title: 'NAMESPACE', value: policy => policy.namespace || '-' },
      { title: 'NAME', value: policy => policy.name },
      { title: 'KIND', value: policy => policy.kind },
      { title: 'MODE', value: policy => policy.mode },
      { title: 'WORKLOADS', value: policy => String(policy.selects) },
      { title: 'RULES', value: policy => String(policy.rules) },
      { title: 'DENIED/1H', value: policy => String(policy.deniedLastHour) },
      { title: 'AUDITED/1H', value: policy => String(policy.auditedLastHour), wide: true },
      { title: 'AGE', value: policy => age(policy.updatedAt, now) },
    ],
    name: policyName,
  })
  return EXIT.ok
}

/** `Kind/namespace/name`, or `namespace/name`, or `name` with `-n`; one match is wanted. */
async function find({ values, client }: Invocation, wanted: string): Promise<PolicyView> {
  const items = await (await client()).list<PolicyView>('policies')
  const namespace = text(values, 'namespace')
  const matches = items.filter(
    policy =>
      policy.id === wanted ||
      `${policy.namespace}/${policy.name}` === wanted ||
      (policy.name === wanted && (namespace === undefined || policy.namespace === namespace)),
  )
  const [first, second] = matches
  if (!first) throw new UsageError(`there is no policy "${wanted}"`)
  if (second) throw new UsageError(`"${wanted}" is ambiguous: ${matches.map(policyName).join(', ')}`)
  return first
}

async function get(invocation: Invocation): Promise<number> {
  const policy = await find(invocation, required(invocation.positionals, 1, 'the name of the policy'))
  await invocation.output.one(policy, { human: found => found.yaml, name: policyName })
  return EXIT.ok
}

const file = (invocation: Invocation): Promise<string> => {
  const paths = texts(invocation.values, 'filename')
  const [path] = paths
  if (path === undefined) throw new UsageError('name a file with -f FILE, or "-f -" for standard input')
  if (paths.length > 1) throw new UsageError('name one file: "cat FILE… | … -f -" makes several into one')
  return readInput(path)
}

async function printChange({ output }: Invocation, change: ChangeView): Promise<number> {
  await output.one(change, { human: describeChange, name: changeName })
  return EXIT.ok
}

async function apply(invocation: Invocation): Promise<number> {
  const { values } = invocation
  const dryRun = text(values, 'dry-run')
  if (dryRun === 'client') return validate(invocation, await file(invocation))
  if (dryRun !== undefined && dryRun !== 'server') throw new UsageError('--dry-run takes client or server')
  const wanted = text(values, 'mode')
  const mode = wanted === undefined ? undefined : modeNamed(wanted)
  const revertAfterSeconds = duration(values, 'revert-after')
  const yaml = await file(invocation)
  const body = { yaml, mode, revertAfterSeconds, ...(dryRun === 'server' ? { dryRun: true } : {}) }
  return printChange(invocation, await (await invocation.client()).post<ChangeView>('policies/apply', body))
}

function modeNamed(text: string): Mode {
  const mode = MODES.find(known => known === text)
  if (!mode) throw new UsageError(`there is no mode "${text}"; it is Learn, Audit or Enforce`)
  return mode
}

async function setMode(invocation: Invocation): Promise<number> {
  const mode = modeNamed(required(invocation.positionals, 1, 'the mode (Learn, Audit or Enforce)'))
  const wanted = invocation.positionals.slice(2)
  const found =
    wanted.length > 0
      ? await Promise.all(wanted.map(name => find(invocation, name)))
      : await every(invocation)
  const body = {
    ids: found.map(policyName),
    mode,
    revertAfterSeconds: duration(invocation.values, 'revert-after'),
  }
  return printChange(invocation, await (await invocation.client()).post<ChangeView>('policies/mode', body))
}

/** All policies, where the person said so with --all. */
async function every({ values, client }: Invocation): Promise<PolicyView[]> {
  if (!values.all) throw new UsageError('name policies, or say --all')
  const items = await (await client()).list<PolicyView>('policies')
  if (items.length === 0) throw new UsageError('there are no policies yet')
  return items
}

async function remove(invocation: Invocation): Promise<number> {
  const wanted = invocation.positionals.slice(1)
  const found =
    wanted.length > 0
      ? await Promise.all(wanted.map(name => find(invocation, name)))
      : await every(invocation)
  const body = { ids: found.map(policyName) }
  return printChange(invocation, await (await invocation.client()).post<ChangeView>('policies/delete', body))
}

async function suggest(invocation: Invocation): Promise<number> {
  const { values, output } = invocation
  const namespace = text(values, 'namespace')
  const suggestion = await (await invocation.client()).post<SuggestionView>('policies/suggest', {
    window: text(values, 'window') ?? '1h',
    kind: text(values, 'kind'),
    ...(namespace === undefined ? {} : { namespaces: [namespace] }),
  })
  const name = (shown: SuggestionView) => shown.policies.map(policy => policy.id).join('\n')
  await output.one(suggestion, { human: shown => shown.yaml, name })
  for (const left of suggestion.excluded) {
    output.progress(
      `left out (${left.code}): ${left.source} → ${left.destination}:${left.port}/${left.protocol}`,
    )
  }
  return EXIT.ok
}

async function simulate(invocation: Invocation): Promise<number> {
  const { values, output } = invocation
  const yaml = await file(invocation)
  const window = text(values, 'window') ?? '1h'
  const result = await (await invocation.client()).post<SimulationView>('policies/simulate', {
    yaml,
    window,
    mode: text(values, 'mode'),
  })
  await output.one(result, {
    human: shown => describeSimulation(shown, invocation),
    name: shown => String(shown.newlyDenied),
  })
  return EXIT.ok
}

/** Ports of one line; a scan has hundreds, `-o json` has them all. */
const PORTS_SHOWN = 4
const shortened = (ports: readonly number[]): string =>
  ports.length <= PORTS_SHOWN
    ? ports.join(',')
    : `${ports.slice(0, PORTS_SHOWN).join(',')},+${ports.length - PORTS_SHOWN}`

function describeSimulation(result: SimulationView, { output }: Invocation): string {
  const lines = [
    `${result.flows} connections replayed: ${result.unchanged} unchanged, ` +
      `${result.legitimateBroken} legitimate broken, ${result.attacksDenied} attack attempts denied, ` +
      `${result.newlyAllowed} newly allowed` +
      (result.undecided > 0 ? `, ${result.undecided} depend on what is asked in them` : ''),
    ...result.groups.map(
      group =>
        `${outcome(group.before, output)} → ${outcome(group.after, output)}  ${end(group.source)} → ` +
        `${end(group.destination)}:${shortened(group.ports)}/${group.protocol} ×${group.connections}` +
        `${group.attack ? ' (attack)' : ''}  ${group.by ?? group.why}`,
    ),
  ]
  return `${lines.join('\n')}\n`
}

async function diff(invocation: Invocation): Promise<number> {
  const yaml = await file(invocation)
  const items = await (await invocation.client()).list<PolicyView>('policies')
  const { diffPolicies } = await import('./policy-diff.ts')
  const text = await diffPolicies(yaml, new Map(items.map(policy => [policy.id, policy.yaml])))
  if (text) invocation.output.text(text)
  return text ? EXIT.failed : EXIT.ok
}

type Run = (invocation: Invocation) => Promise<number>

/** With --flows a verb needs files only, else the flows are the server's. */
const withFlows =
  (verb: 'suggest' | 'simulate', online: Run): Run =>
  async invocation => {
    const path = text(invocation.values, 'flows')
    if (path === undefined) return online(invocation)
    return (await import('./offline/replay.ts'))[verb](invocation, path)
  }

/** Rules to remove in place of policies to add. */
const suggestEither: Run = async invocation => {
  if (text(invocation.values, 'unused') === undefined) return withFlows('suggest', suggest)(invocation)
  const path = text(invocation.values, 'flows')
  if (path === undefined) return (await import('./unused.ts')).suggestUnused(invocation)
  return (await import('./offline/unused.ts')).unused(invocation, path)
}

const VERBS: Readonly<Record<string, (invocation: Invocation) => Promise<number>>> = {
  list,
  get,
  apply,
  mode: setMode,
  delete: remove,
  suggest: suggestEither,
  simulate: withFlows('simulate', simulate),
  diff,
  validate: async invocation => validate(invocation, await file(invocation)),
  convert: async invocation => convert(invocation, await file(invocation)),
  ...OFFLINE,
}

export const POLICY_VERBS: readonly string[] = Object.keys(VERBS)

export const policy: Command = {
  usage: [
    'sekisho policy list',
    'sekisho policy get NAME',
    'sekisho policy apply -f FILE [--mode Audit] [--revert-after 5m] [--dry-run=client|server]',
    'sekisho policy mode Enforce NAME… | --all [--revert-after 5m]',
    'sekisho policy delete NAME… | --all',
    'sekisho policy suggest [-n NAMESPACE] [--kind NetworkPolicy] [--window 1h]',
    'sekisho policy suggest --unused DAYS [-n NAMESPACE]   (exit code 1: rules can be removed)',
    'sekisho policy simulate -f FILE [--window 1h] [--mode Enforce]',
    'sekisho policy diff -f FILE      (exit code 0 the same, 1 different)',
    'sekisho policy validate -f FILE  (needs no server)',
    'sekisho policy convert -f FILE [--to sekisho|networkpolicy] [--cluster-cidrs CIDR,…] [--cluster-name NAME] [--workloads PATH]  (needs no server)',
    'Without server or cluster, PATH a file or folder of policies and manifests:',
    ...OFFLINE_USAGE,
  ].join('\n  '),
  options: {
    ...OFFLINE_OPTIONS,
    mode: { type: 'string' },
    'revert-after': { type: 'string' },
    'dry-run': { type: 'string' },
    window: { type: 'string' },
    unused: { type: 'string' },
    kind: { type: 'string' },
    all: { type: 'boolean' },
    to: { type: 'string' },
    'cluster-cidrs': { type: 'string' },
    'cluster-name': { type: 'string' },
    workloads: { type: 'string', multiple: true },
  },
  run: invocation => {
    const verb = invocation.positionals[0] ?? 'list'
    const run = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined
    if (!run) throw new UsageError(`there is no "policy ${verb}"`)
    return run(invocation)
  },
}
