import { VERSION } from '@sekisho/core'
import { contentHash } from '../table/hash.ts'
import { CHECKS, LINT_IDS, type LintId } from './checks.ts'
import type { Finding } from './finding.ts'

/** SARIF 2.1.0 (OASIS), as code scanning services read it: stable rule ids, and fingerprints that survive moved lines. */
export function toSarif(findings: readonly Finding<LintId>[]): Readonly<Record<string, unknown>> {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'sekisho', version: VERSION, rules: LINT_IDS.map(rule) } },
        columnKind: 'utf16CodeUnits',
        results: findings.map(result),
      },
    ],
  }
}

const rule = (id: LintId) => ({
  id,
  shortDescription: { text: CHECKS[id].title },
  fullDescription: { text: CHECKS[id].help },
  defaultConfiguration: { level: CHECKS[id].severity },
})

const result = ({ id, severity, message, fix, place, policy }: Finding<LintId>) => ({
  ruleId: id,
  ruleIndex: LINT_IDS.indexOf(id),
  level: severity,
  message: { text: `${message}. Fix: ${fix}` },
  locations: [
    {
      physicalLocation: {
        artifactLocation: { uri: encodeURI(place.file) },
        region: { startLine: place.line, startColumn: place.column },
      },
      ...(policy !== undefined && { logicalLocations: [{ fullyQualifiedName: `${policy} ${place.path}` }] }),
    },
  ],
  // What it is about, without line and column: an edit above it is not a new finding.
  partialFingerprints: {
    'sekishoFinding/v1': contentHash([id, place.file, policy ?? '', place.path, message].join(' ')),
  },
})
