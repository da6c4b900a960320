import type { ModelView } from '@sekisho/control'
import type { EpochMs, NodeName, PolicyId, Workload } from '@sekisho/core'
import {
  createModel,
  explain,
  explainSentences,
  findEnd,
  type Model,
  type PolicyDocument,
  parseEnd,
  parsePolicies,
  parsePort,
  portsOf,
  prove,
  validatePolicy,
} from '@sekisho/policy'
import type { Answer, Asked, Question, Told } from './question.ts'

/** Flows shown of an answer; a person reads a handful. */
const WITNESSES = 8
/** Policies in Audit count too: what was written to be tried is what is asked about. */
const POLICIES = 'audit'

function inForce({ policies }: ModelView): PolicyDocument[] {
  return policies.map(text => {
    const read = validatePolicy(JSON.parse(text), { applications: 'any' })
    if (!read.ok) throw new Error(`a policy in force cannot be read: ${read.error[0]?.reason ?? ''}`)
    return read.value
  })
}

function edited(yaml: string): readonly PolicyDocument[] {
  const read = parsePolicies(yaml, { applications: 'any' })
  if (!read.ok) throw new Error(`the policy cannot be read: ${read.error[0]?.reason ?? ''}`)
  return read.value
}

function modelOf(view: ModelView, changed: readonly PolicyDocument[]): Model {
  const policies = new Map<PolicyId, PolicyDocument>()
  for (const document of [...inForce(view), ...changed]) policies.set(document.id, document)
  const model = createModel()
  model.update({
    now: Date.now() as EpochMs, // milliseconds by definition
    namespaces: { set: view.namespaces },
    workloads: { set: view.workloads as unknown as readonly Workload[] }, // branded ids travel as text
    nodes: { set: view.nodes.map(({ name, addresses }) => ({ name: name as NodeName, addresses })) },
    policies: { set: [...policies.values()] },
  })
  return model
}

type Between = Exclude<Question, { kind: 'difference' }>

function explained(model: Model, { from, to, port }: Between): Answer {
  const [source, destination, service] = [findEnd(model, from), findEnd(model, to), parsePort(port)]
  if (!source.ok) return { kind: 'misread', field: 'from' }
  if (!destination.ok) return { kind: 'misread', field: 'to' }
  if (!service.ok || service.value.port === undefined) return { kind: 'misread', field: 'port' }
  const { port: number, protocol = 'TCP' } = service.value
  const explanation = explain(model, {
    source: source.value,
    destination: destination.value,
    protocol,
    port: number,
  })
  const { outcome, considered, change } = explanation
  const sentences = { en: explainSentences(explanation, 'en'), ja: explainSentences(explanation, 'ja') }
  return {
    kind: 'explain',
    view: { outcome, sentences, considered: [...considered], ...(change?.yaml && { change: change.yaml }) },
  }
}

const progress = (covered: Extract<Told, { kind: 'progress' }>['covered']) =>
  tell({ kind: 'progress', covered })

function reached(model: Model, { from, to, port }: Between): Answer {
  const [source, destination, service] = [parseEnd(from), parseEnd(to), parsePort(port)]
  if (!source.ok) return { kind: 'misread', field: 'from' }
  if (!destination.ok) return { kind: 'misread', field: 'to' }
  if (!service.ok) return { kind: 'misread', field: 'port' }
  const ports = portsOf(service.value)
  const proof = prove(model, {
    kind: 'reach',
    from: source.value,
    to: destination.value,
    ...(ports && { ports }),
    policies: POLICIES,
    limit: WITNESSES,
    progress,
  })
  return proof.kind === 'reach' && proof.covered.pieces > 0 ? { kind: 'reach', proof } : { kind: 'nothing' }
}

function differing(before: Model, after: Model): Answer {
  const proof = prove(before, { kind: 'difference', after, policies: POLICIES, limit: WITNESSES, progress })
  return proof.kind === 'difference' ? { kind: 'difference', proof } : { kind: 'nothing' }
}

function answer({ model: view, yaml, question }: Asked): Answer {
  const model = modelOf(view, edited(yaml))
  switch (question.kind) {
    case 'explain':
      return explained(model, question)
    case 'reach':
      return reached(model, question)
    case 'difference':
      return differing(modelOf(view, []), model)
  }
}

const tell = (told: Told): void => postMessage(told)

/** One question, then the worker ends: whoever waits no longer ends it earlier. */
addEventListener('message', ({ data }: MessageEvent<Asked>) => tell(answer(data)))
