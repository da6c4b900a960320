import { lint as lintManifests, SEVERITIES, toSarif } from '@sekisho/policy/lint'
import { text, texts, UsageError } from '../../arguments.ts'
import { EXIT, type Invocation } from '../../command.ts'
import { readCluster } from './files.ts'

/** Exit code 1 from findings of this severity on; warnings unless said otherwise. */
function threshold({ values }: Invocation): number {
  const wanted = text(values, 'fail-on') ?? 'warning'
  const at = (SEVERITIES as readonly string[]).indexOf(wanted)
  if (at < 0) throw new UsageError(`--fail-on takes ${SEVERITIES.join(', ')}, not "${wanted}"`)
  return at
}

type LintFinding = ReturnType<typeof lintManifests>[number]

/** As a table, or for another program. */
export async function printFindings(
  findings: readonly LintFinding[],
  { values, output }: Pick<Invocation, 'values' | 'output'>,
): Promise<void> {
  if (values.sarif) return output.text(JSON.stringify(toSarif(findings), null, 2))
  await output.list(findings, {
    columns: [
      { title: 'SEVERITY', value: finding => finding.severity },
      { title: 'WHERE', value: ({ place }) => `${place.file}:${place.line}:${place.column}` },
      { title: 'CHECK', value: finding => finding.id },
      { title: 'MESSAGE', value: finding => finding.message },
      { title: 'FIX', value: finding => finding.fix },
    ],
    name: ({ place, id }) => `${place.file}:${place.line}:${place.column}: ${id}`,
  })
}

export async function lint(invocation: Invocation): Promise<number> {
  const { values, positionals, output } = invocation
  const least = threshold(invocation)
  const manifests = await readCluster(values, [...texts(values, 'filename'), ...positionals.slice(1)])
  const ingress = texts(values, 'ingress-namespace')
  const findings = lintManifests(manifests, ingress.length > 0 ? { ingressNamespaces: ingress } : {})
  await printFindings(findings, invocation)
  const failed = findings.some(finding => SEVERITIES.indexOf(finding.severity) <= least)
  if (findings.length === 0) output.progress(`Nothing found in ${manifests.policies.length} policies.`)
  return failed ? EXIT.failed : EXIT.ok
}
