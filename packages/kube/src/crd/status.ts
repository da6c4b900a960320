import type { JsonRecord } from '@sekisho/core'
import type { Column } from './definition.ts'

const count = (description: string): JsonRecord => ({
  type: 'integer',
  format: 'int64',
  minimum: 0,
  description,
})

/** metav1.Condition. */
const CONDITION: JsonRecord = {
  type: 'object',
  required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
  properties: {
    type: { type: 'string', maxLength: 316 },
    status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
    observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
    lastTransitionTime: { type: 'string', format: 'date-time' },
    reason: {
      type: 'string',
      minLength: 1,
      maxLength: 1024,
      pattern: '^[A-Za-z](?:[A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
    },
    message: { type: 'string', maxLength: 32_768 },
  },
}

const CONDITIONS: JsonRecord = {
  type: 'array',
  maxItems: 16,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: CONDITION,
}
const OBSERVED = count('The generation of the spec that all of this is about.')

/** What the server tells of a machine outside: whether it was read, is nobody else's, and its agent speaks. */
export const EXTERNAL_WORKLOAD_STATUS: JsonRecord = {
  type: 'object',
  properties: {
    observedGeneration: OBSERVED,
    conditions: CONDITIONS,
    policies: count('Policies that select it.'),
  },
}

/** What the server tells of a policy: whether it was read, is in the kernels, and does what it says. */
export const POLICY_STATUS: JsonRecord = {
  type: 'object',
  properties: {
    observedGeneration: OBSERVED,
    conditions: CONDITIONS,
    workloads: count('Workloads it selects.'),
    rules: count('Rules it has.'),
    deniedLastHour: count('Connections it denied, or would deny in Audit, in the last hour.'),
    nodes: {
      type: 'object',
      description: 'Nodes with workloads it selects.',
      properties: {
        desired: count('Nodes that should have it in their kernel.'),
        programmed: count('Nodes that have it in their kernel.'),
      },
    },
  },
}

/** What the server tells of a rule of responses, besides whether it was read. */
export const RESPONSE_STATUS: JsonRecord = {
  ...POLICY_STATUS,
  properties: {
    ...(POLICY_STATUS.properties as JsonRecord), // written above
    firedLastDay: count('Times it acted, or would have acted in Audit, in the last day.'),
    active: count('Quarantines and blocks of it that are in force.'),
    lastFired: {
      type: 'string',
      format: 'date-time',
      description: 'When it acted last, within the last day.',
    },
  },
}

const condition = (type: string): string => `.status.conditions[?(@.type=="${type}")].status`

/** Of kinds that judge nothing by themselves. */
export const DOCUMENT_COLUMNS: readonly Column[] = [
  { name: 'Ready', type: 'string', jsonPath: condition('Ready') },
]

export const EXTERNAL_WORKLOAD_COLUMNS: readonly Column[] = [
  { name: 'Address', type: 'string', jsonPath: '.spec.addresses[0]' },
  { name: 'Node', type: 'string', jsonPath: '.spec.node' },
  { name: 'Policies', type: 'integer', jsonPath: '.status.policies' },
  { name: 'Ready', type: 'string', jsonPath: condition('Ready') },
  { name: 'Connected', type: 'string', jsonPath: condition('Connected'), priority: 1 },
  { name: 'Conflicted', type: 'string', jsonPath: condition('Conflicted'), priority: 1 },
]

export const POLICY_COLUMNS: readonly Column[] = [
  { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
  { name: 'Workloads', type: 'integer', jsonPath: '.status.workloads' },
  { name: 'Rules', type: 'integer', jsonPath: '.status.rules' },
  { name: 'Denied/1h', type: 'integer', jsonPath: '.status.deniedLastHour' },
  { name: 'Ready', type: 'string', jsonPath: condition('Ready') },
  { name: 'Accepted', type: 'string', jsonPath: condition('Accepted'), priority: 1 },
  { name: 'Programmed', type: 'string', jsonPath: condition('Programmed'), priority: 1 },
  { name: 'Nodes', type: 'integer', jsonPath: '.status.nodes.programmed', priority: 1 },
]

export const RESPONSE_COLUMNS: readonly Column[] = [
  { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
  { name: 'Fired/24h', type: 'integer', jsonPath: '.status.firedLastDay' },
  { name: 'Active', type: 'integer', jsonPath: '.status.active' },
  { name: 'Last', type: 'date', jsonPath: '.status.lastFired' },
  { name: 'Ready', type: 'string', jsonPath: condition('Ready') },
]
