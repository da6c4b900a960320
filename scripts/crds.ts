import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import {
  APPLICATIONS,
  CLUSTER_SECURITY_POLICIES,
  type CustomKind,
  DOCUMENT_COLUMNS,
  definitionOf,
  EXTERNAL_WORKLOAD_COLUMNS,
  EXTERNAL_WORKLOAD_STATUS,
  EXTERNAL_WORKLOADS,
  type JsonRecord,
  POLICY_COLUMNS,
  POLICY_STATUS,
  RESPONSE_COLUMNS,
  RESPONSE_RULES,
  RESPONSE_STATUS,
  SECURITY_POLICIES,
  SECURITY_PROFILES,
} from '../packages/kube/src/index.ts'
import { SPEC_SCHEMAS } from '../packages/policy/src/index.ts'

// A schema is plain data; only the compiler does not see that.
const spec = (kind: keyof typeof SPEC_SCHEMAS): JsonRecord => ({ ...SPEC_SCHEMAS[kind] })

const KINDS: readonly CustomKind[] = [
  {
    type: SECURITY_POLICIES,
    singular: 'securitypolicy',
    shortNames: ['secpol'],
    description: 'Who may speak with the workloads of a namespace, about what, and with whom they may.',
    spec: spec('SecurityPolicy'),
    status: POLICY_STATUS,
    columns: POLICY_COLUMNS,
  },
  {
    type: CLUSTER_SECURITY_POLICIES,
    singular: 'clustersecuritypolicy',
    shortNames: ['csecpol'],
    description:
      'Who may speak with workloads of any namespace, hosts and external machines, and with whom they may.',
    spec: spec('ClusterSecurityPolicy'),
    status: POLICY_STATUS,
    columns: POLICY_COLUMNS,
  },
  {
    type: SECURITY_PROFILES,
    singular: 'securityprofile',
    shortNames: ['secprofile'],
    description:
      'Inspections that the allowed traffic of policies goes through, by a name that policies say.',
    spec: spec('SecurityProfile'),
    status: POLICY_STATUS,
    columns: DOCUMENT_COLUMNS,
  },
  {
    type: APPLICATIONS,
    singular: 'application',
    shortNames: [],
    description:
      'By which bytes an application is known that is not built in, and where one is taken for granted.',
    spec: spec('Application'),
    status: POLICY_STATUS,
    columns: DOCUMENT_COLUMNS,
  },
  {
    type: RESPONSE_RULES,
    singular: 'responserule',
    shortNames: ['resprule'],
    description: 'What is done by itself about findings: quarantine, block, notify; each for a time.',
    spec: spec('ResponseRule'),
    status: RESPONSE_STATUS,
    columns: RESPONSE_COLUMNS,
  },
  {
    type: EXTERNAL_WORKLOADS,
    singular: 'externalworkload',
    shortNames: ['extw'],
    description: 'A machine outside of the cluster, or an address there, as a workload with labels.',
    spec: spec('ExternalWorkload'),
    status: EXTERNAL_WORKLOAD_STATUS,
    columns: EXTERNAL_WORKLOAD_COLUMNS,
  },
]

export const CRDS: readonly JsonRecord[] = KINDS.map(definitionOf)

/** In the chart, which has them as templates: an upgrade brings newer ones. */
export const CRD_DIRECTORY = 'deploy/helm/sekisho/files/crds'

/** Files there, by name; a test compares them with what is on disk. */
export const CRD_FILES: Readonly<Record<string, string>> = Object.fromEntries(
  KINDS.map((kind, index) => [
    `${kind.type.plural}.yaml`,
    `# Made by \`node scripts/crds.ts\`.\n${stringify(CRDS[index], { aliasDuplicateObjects: false, lineWidth: 0 })}`,
  ]),
)

if (import.meta.main) {
  const directory = join(import.meta.dirname, '..', CRD_DIRECTORY)
  mkdirSync(directory, { recursive: true })
  for (const [name, text] of Object.entries(CRD_FILES)) writeFileSync(join(directory, name), text)
}
