import type { EpochMs } from '@sekisho/core'
import type { JsonRecord } from '@sekisho/kube'
import type { Finding, NamespaceFindings } from '../insight/findings.ts'

/** The one report of a namespace. */
export const REPORT_NAME = 'sekisho'
const SOURCE = 'sekisho'
/** Of results that found no room. */
const LEFT_OUT = 'sekisho.dev/left-out'

/** Where owners' kinds live; of others only the kind is said. */
const API_VERSIONS: Readonly<Record<string, string>> = {
  Pod: 'v1',
  ReplicationController: 'v1',
  Deployment: 'apps/v1',
  ReplicaSet: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
}

/** metav1.Timestamp. */
const timestamp = (at: EpochMs) => ({ seconds: Math.floor(at / 1_000), nanos: (at % 1_000) * 1_000_000 })

function resultOf(namespace: string, finding: Finding): JsonRecord {
  const { category, policy, rule, subject, result, severity, message, properties, since } = finding
  const apiVersion = API_VERSIONS[subject.kind]
  return {
    source: SOURCE,
    policy,
    ...(rule !== undefined && { rule }),
    category,
    result,
    severity,
    scored: result === 'fail',
    message,
    resources: [{ ...(apiVersion && { apiVersion }), kind: subject.kind, namespace, name: subject.name }],
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(since !== undefined && { timestamp: timestamp(since) }),
  }
}

/**
 * What PolicyReport (wgpolicyk8s.io/v1alpha2) and Report (openreports.io/v1alpha1) have in common: fields and severities
 * that only one of them knows are left out, so that one text is both.
 * https://github.com/kubernetes-sigs/wg-policy-prototypes, https://github.com/openreports/reports-api
 */
export function reportOf(namespace: string, { findings, leftOut }: NamespaceFindings): JsonRecord {
  const count = (of: Finding['result']) => findings.filter(({ result }) => result === of).length
  const more = leftOut.fail + leftOut.warn
  return {
    metadata: {
      labels: { 'app.kubernetes.io/managed-by': 'sekisho' },
      ...(more > 0 && { annotations: { [LEFT_OUT]: String(more) } }),
    },
    scope: { apiVersion: 'v1', kind: 'Namespace', name: namespace },
    summary: {
      pass: 0,
      fail: count('fail') + leftOut.fail,
      warn: count('warn') + leftOut.warn,
      error: 0,
      skip: 0,
    },
    results: findings.map(finding => resultOf(namespace, finding)),
  }
}
