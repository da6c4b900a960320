import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { importPolicies } from '@sekisho/policy'
import { barred, type Row } from '../bench/report.ts'

/** What the manifests' templates are filled with: addresses of documentation blocks and names of nobody. */
const VALUES: readonly (readonly [RegExp, string])[] = [
  [/generateDNSMatchPatternWithWildcard.*"any-prefix"/, '**.example.com'],
  [/generateDNSMatchPatternWithWildcard.*"subdomain-prefix"/, '*.example.com'],
  [/generateDNSMatchPatternWithWildcard/, 'www.ex*.com'],
  [/ipToCIDR/, '203.0.113.7/32'],
  [/ExternalCIDRv4|NodeCIDR|ControlPlaneCIDR|K8sCIDR/, '203.0.113.0/24'],
  [/ExternalCIDRv6/, '2001:db8::/32'],
  [/IPv4|\$i\.IP/, '203.0.113.7'],
  [/IPv6/, '2001:db8::7'],
  [/Port/, '8443'],
  [/Target/, 'www.example.com'],
  [/Mask/, '32'],
  [/^\s*\.\s*$/, '203.0.113.0/24'],
]

/** What a person says of the cluster that the policies come from. */
const CLUSTER = { clusterName: 'test', clusterCidrs: ['10.244.0.0/16', '10.96.0.0/12', 'fd00:10::/32'] }

/** A template as one run of the tests would fill it in: each loop once, each expression with a value of its kind. */
function render(text: string): string {
  return text
    .replaceAll(/\{\{-?\s*(?:range|end|if|else)\b[^}]*\}\}/g, '')
    .replaceAll(/\{\{-?(.*?)-?\}\}/g, (whole, expression: string) => {
      if (whole.includes('IPv6') && expression.includes('ipToCIDR')) return '2001:db8::7/128'
      return VALUES.find(([pattern]) => pattern.test(expression))?.[1] ?? 'test'
    })
}

/** Policies of Cilium's own connectivity tests: every document is translated, or refused by the construct in the way. */
export function ciliumManifests(folder: string, explain: (line: string) => void): Row[] {
  const files = readdirSync(join(folder, 'manifests')).filter(name => name.endsWith('.yaml'))
  const count = { whole: 0, refused: 0, silent: 0, unread: 0 }
  const constructs = new Map<string, number>()
  for (const file of files) {
    const { documents, refused, notes } = importPolicies(
      render(readFileSync(join(folder, 'manifests', file), 'utf8')),
      CLUSTER,
    )
    const named = refused.every(({ construct, reason, at }) => construct && reason && at.path !== undefined)
    const unread = refused.some(({ construct }) => construct === 'document')
    if (unread) count.unread++
    else if (refused.length > 0 && named) count.refused++
    else if (documents.length + notes.length > 0) count.whole++
    else count.silent++
    for (const construct of new Set(refused.map(each => each.construct)))
      constructs.set(construct, (constructs.get(construct) ?? 0) + 1)
    const [first] = refused
    explain(
      `${file}: ${first ? `refused ${first.at.path}: ${first.reason}` : `${documents.length} policies`}`,
    )
  }
  const suite = 'policy/cilium-manifests'
  const names = [...constructs].toSorted(([, a], [, b]) => b - a).map(([name, times]) => `${name} ${times}`)
  explain(`refused constructs: ${names.join(', ')}`)
  return [
    barred(
      {
        suite,
        measure: `translated, or refused by name, of ${files.length} files`,
        value: (count.whole + count.refused) / files.length,
        unit: '',
      },
      '≥',
      1,
    ),
    { suite, measure: 'translated whole', value: count.whole, unit: 'files' },
    { suite, measure: 'refused by name', value: count.refused, unit: 'files' },
  ]
}
