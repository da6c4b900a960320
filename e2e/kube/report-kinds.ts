import { type JsonRecord, OPEN_REPORTS, POLICY_REPORTS, type ResourceType } from '@sekisho/kube'

/**
 * Definitions of reports as they are published, without their descriptions and columns:
 * policyreports.wgpolicyk8s.io of kubernetes-sigs/wg-policy-prototypes (v1alpha2), reports.openreports.io of
 * openreports/reports-api (v1alpha1). The first is taken as it was before severities `critical` and `info` came.
 */
const TEXT = { type: 'string' }
const NUMBER = { type: 'integer' }
const TEXTS = { type: 'object', additionalProperties: TEXT }

const object = (properties: JsonRecord, required: readonly string[] = []): JsonRecord => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
})
const list = (items: JsonRecord): JsonRecord => ({ type: 'array', items })

const REFERENCE = object({
  apiVersion: TEXT,
  fieldPath: TEXT,
  kind: TEXT,
  name: TEXT,
  namespace: TEXT,
  resourceVersion: TEXT,
  uid: TEXT,
})
const SELECTOR = object({
  matchExpressions: list(object({ key: TEXT, operator: TEXT, values: list(TEXT) }, ['key', 'operator'])),
  matchLabels: TEXTS,
})
const RESULTS = ['pass', 'fail', 'warn', 'error', 'skip']

const resultOf = (severities: readonly string[]): JsonRecord =>
  object(
    {
      category: TEXT,
      message: TEXT,
      policy: TEXT,
      properties: TEXTS,
      resourceSelector: SELECTOR,
      resources: list(REFERENCE),
      result: { ...TEXT, enum: RESULTS },
      rule: TEXT,
      scored: { type: 'boolean' },
      severity: { ...TEXT, enum: severities },
      source: TEXT,
      timestamp: object({ nanos: { ...NUMBER, format: 'int32' }, seconds: { ...NUMBER, format: 'int64' } }, [
        'nanos',
        'seconds',
      ]),
    },
    ['policy'],
  )

const reportOf = (severities: readonly string[], more: JsonRecord = {}): JsonRecord =>
  object({
    apiVersion: TEXT,
    kind: TEXT,
    metadata: { type: 'object' },
    results: list(resultOf(severities)),
    scope: REFERENCE,
    scopeSelector: SELECTOR,
    summary: object(Object.fromEntries(RESULTS.map(result => [result, NUMBER]))),
    ...more,
  })

const definition = ({ group, version, kind, plural }: ResourceType, schema: JsonRecord) => ({
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { kind, plural },
    versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: schema } }],
  },
})

export const REPORT_DEFINITIONS = [
  definition(POLICY_REPORTS, reportOf(['high', 'low', 'medium'])),
  definition(
    OPEN_REPORTS,
    reportOf(['critical', 'high', 'low', 'medium', 'info'], {
      source: TEXT,
      configuration: object(
        { limits: object({ maxResults: NUMBER, statusFilter: list({ ...TEXT, enum: RESULTS }) }) },
        ['limits'],
      ),
    }),
  ),
]
