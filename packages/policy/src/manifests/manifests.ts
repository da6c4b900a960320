import {
  type ApplicationName,
  type EpochMs,
  isCustomApplication,
  type Namespace,
  type Problem,
  type ProtectionWord,
  type Workload,
} from '@sekisho/core'
import type { PolicyDocument } from '../documents/document.ts'
import { KINDS, POLICY_KINDS } from '../documents/kinds.ts'
import { didYouMean } from '../documents/spot.ts'
import { deepFreeze, readDocument } from '../documents/validate.ts'
import { createModel, type Model } from '../model/model.ts'
import { type Located, readLocated, type SourceFile, textOf } from './located.ts'
import { type LocatedWorkload, readNamespaces, readWorkloads, WORKLOAD_KINDS } from './workloads.ts'

export interface LocatedPolicy {
  readonly policy: PolicyDocument
  readonly located: Located
}

/** What some files say about a cluster. With any problem the files are not to be used. */
export interface Manifests {
  readonly policies: readonly LocatedPolicy[]
  readonly namespaces: readonly Namespace[]
  readonly workloads: readonly Workload[]
  /** The same, each with the first object that says so. */
  readonly locatedWorkloads: readonly LocatedWorkload[]
  /** Every object, in the order of the files. */
  readonly objects: readonly Located[]
  /** Objects of other kinds, expectations among them. */
  readonly others: readonly Located[]
  readonly problems: readonly Problem[]
}

const groupOf = (apiVersion: string): string => apiVersion.split('/', 1)[0] ?? ''

/** Where policies of ours stand, and where NetworkPolicy once stood. */
const GROUPS = new Set([...POLICY_KINDS.map(kind => groupOf(KINDS[kind].apiVersion)), 'extensions'])
const isOrNearlyIs = (word: string, words: Iterable<string>): boolean => didYouMean(word, [...words]) !== ''

/**
 * One of ours, or meant to be: a slip in its kind or group must not make a policy disappear. Other products have kinds
 * of the same names, such as Argo CD's Application.
 */
const isPolicy = ({ apiVersion, kind }: Located): boolean =>
  isOrNearlyIs(kind, POLICY_KINDS) && (!apiVersion.includes('/') || isOrNearlyIs(groupOf(apiVersion), GROUPS))

const WORKLOADS: ReadonlySet<string> = new Set([...WORKLOAD_KINDS, 'Namespace'])

/** Of any file; what is wrong with a definition itself is told of it alone. */
const definitionsOf = (located: readonly Located[]): ReadonlySet<ApplicationName> =>
  new Set(
    located
      .filter(({ kind }) => kind === 'Application')
      .map(({ root }) => textOf(root.at('metadata').at('name').value))
      .filter(isCustomApplication),
  )

function readPolicies(located: readonly Located[]): {
  policies: readonly LocatedPolicy[]
  problems: Problem[]
} {
  const problems: Problem[] = []
  const seen = new Map<string, Located>()
  const defined = definitionsOf(located)
  const policies = located.flatMap(each => {
    const policy = readDocument(each.root)
    const before = policy && seen.get(policy.id)
    if (before) {
      const { file, line } = before.place([])
      each.root.at('metadata').at('name').refuse(`${policy.id} is already in ${file}, line ${line}`)
    }
    if (policy) seen.set(policy.id, each)
    const wrong = each.problems(defined)
    problems.push(...wrong)
    return policy && wrong.length === 0 ? [{ policy: deepFreeze(policy), located: each }] : []
  })
  return { policies, problems }
}

export interface ManifestOptions {
  /** What is said of protection for the whole cluster, as the server is told with `--firewall`. */
  readonly firewall?: ProtectionWord | undefined
}

/** Reads policies, workloads and namespaces from files as they are applied with kubectl; other kinds are left alone. */
export function readManifests(files: readonly SourceFile[], { firewall }: ManifestOptions = {}): Manifests {
  const { located, problems } = readLocated(files)
  const read = readPolicies(located.filter(isPolicy))
  const locatedWorkloads = readWorkloads(located, firewall)
  const namespaces = readNamespaces(located)
  const wrong = located.filter(({ kind }) => WORKLOADS.has(kind)).flatMap(each => each.problems())
  return {
    policies: read.policies,
    workloads: locatedWorkloads.map(({ workload }) => workload),
    locatedWorkloads,
    namespaces,
    objects: located,
    others: located.filter(each => !isPolicy(each) && !WORKLOADS.has(each.kind)),
    problems: [...problems, ...read.problems, ...wrong],
  }
}

/**
 * A model of what the files say.
 * @param now the time, by which rules with an end expire; without it a timed Allow rule counts as expired.
 */
export function modelOfManifests({ namespaces, workloads, policies }: Manifests, now?: EpochMs): Model {
  const model = createModel()
  model.update({
    ...(now !== undefined && { now }),
    namespaces: { set: namespaces },
    workloads: { set: workloads },
    policies: { set: policies.map(({ policy }) => policy) },
  })
  return model
}
