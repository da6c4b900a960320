import { LIMITS } from '@sekisho/core'
import { ENTITIES } from '../documents/document.ts'
import { WORKLOAD_KINDS } from '../documents/own-peer.ts'
import { type JsonSchema, list, object, oneOf, some, text } from './schema.ts'

const LABELS = LIMITS.labelsPerWorkload.value
/** Prefix of 253, slash, name of 63. */
const LABEL_KEY = text(317)
const LABEL_VALUE = text(63)

/** metav1.LabelSelector. */
export const selector = (description: string): JsonSchema =>
  object(
    {
      matchLabels: {
        type: 'object',
        additionalProperties: LABEL_VALUE,
        maxProperties: LABELS,
        description: 'All of these labels.',
      },
      matchExpressions: list(
        object(
          {
            key: LABEL_KEY,
            operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist']),
            values: list(LABEL_VALUE, LABELS),
          },
          { required: ['key', 'operator'] },
        ),
        LABELS,
        { description: 'All of these must hold.' },
      ),
    },
    { description, 'x-kubernetes-map-type': 'atomic' },
  )

const WORDS = LIMITS.wordsPerList.value
const SUBDOMAIN = text(253)

/** What selects workloads; all that is written must hold. */
const WORKLOADS = {
  podSelector: selector('Workloads by their labels; empty selects all.'),
  serviceAccounts: some(SUBDOMAIN, WORDS, 'Any of these service accounts.'),
  workloadKinds: some(oneOf(WORKLOAD_KINDS), WORKLOAD_KINDS.length, 'Any of these kinds of workload.'),
}
/** Of subjects only: a peer that a workload of another name may take the place of is no peer. */
const NAMES = {
  workloadNames: some(text(253), WORDS, 'Any of these, by their own names: one of several that are alike.'),
}
const NAMESPACES = { namespaceSelector: selector('Namespaces by their labels; empty selects all.') }
const MACHINES = {
  hostSelector: selector('Hosts by the labels of their nodes, and what shares their network. Stands alone.'),
  externalSelector: selector('External machines by their labels. Stands alone.'),
}

const CIDR = text(43)
const BLOCK = object(
  {
    cidr: { ...CIDR, description: 'Addresses, as in "203.0.113.0/24" or "2001:db8::/32".' },
    except: list(CIDR, LIMITS.peersPerRule.value, { description: 'Blocks inside it that are left out.' }),
  },
  { required: ['cidr'], description: 'Addresses. Stands alone.' },
)

const ALONE = {
  ...MACHINES,
  ipBlock: BLOCK,
  entity: oneOf(ENTITIES, { description: 'A peer that has a name everywhere. Stands alone.' }),
}
const NAMED = {
  fqdn: text(254, undefined, {
    description: 'A name outside, or "*." and a name: one or more labels before it. Stands alone.',
  }),
}

/** One of the fields that stand alone, or any of those that select workloads. */
const peer = (alone: Readonly<Record<string, JsonSchema>>): JsonSchema => {
  const workloads = { ...WORKLOADS, ...NAMESPACES }
  const anyWorkloads = { anyOf: Object.keys(workloads).map(field => ({ required: [field] })) }
  return object(
    { ...workloads, ...alone },
    { oneOf: [anyWorkloads, ...Object.keys(alone).map(field => ({ required: [field] }))] },
  )
}

export const INGRESS_PEER = peer(ALONE)
export const EGRESS_PEER = peer({ ...ALONE, ...NAMED })

export const NAMESPACED_SUBJECT = object(
  { ...WORKLOADS, ...NAMES },
  {
    description:
      'Workloads of this namespace that the policy is about; all of them where nothing is written.',
  },
)
export const RESPONSE_WORKLOADS = object(
  { ...WORKLOADS, ...NAMESPACES },
  {
    description:
      'Findings about these workloads; where nothing is written, about any, and about addresses outside.',
  },
)
export const CLUSTER_SUBJECT = object(
  { ...WORKLOADS, ...NAMES, ...NAMESPACES, ...MACHINES },
  { description: 'Workloads of any namespace, hosts, or external machines that the policy is about.' },
)
