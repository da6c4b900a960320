import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { importPolicies } from '@sekisho/policy'
import { barred, type Row } from '../bench/report.ts'
import { readManifests, readProblems, textField } from './manifests.ts'

interface Case {
  readonly name: string
  readonly dir: string
}

/** The mistake is not in a policy, workload or namespace: no such folder, networks of OVN, np-guard's own grouping of pods. */
const NOT_A_DOCUMENT = /bad_yamls\/subdir3$|\/c?udn_bad|illegal-podlist$|same_owner/

/** Inputs that np-guard refuses: ours must refuse one of their documents too, and say why. */
export function negativeInputs(folder: string, explain: (line: string) => void): Row[] {
  const all = JSON.parse(readFileSync(join(folder, 'negative-cases.json'), 'utf8')) as Case[]
  const cases = all.filter(({ dir }) => !NOT_A_DOCUMENT.test(dir))
  let refused = 0
  for (const { name, dir } of cases) {
    const { manifests, errors } = readManifests(join(folder, dir))
    const items = manifests.filter(each => textField(each, 'kind').endsWith('NetworkPolicy'))
    const wrong = importPolicies(JSON.stringify({ apiVersion: 'v1', kind: 'List', items })).refused
    const reasons = [
      ...errors,
      ...wrong.map(({ at, reason }) => `${at.path}: ${reason}`),
      ...readProblems(manifests).map(({ path, reason }) => `${path}: ${reason}`),
    ]
    if (reasons.length > 0) refused++
    explain(`${reasons.length > 0 ? 'refused' : 'ACCEPTED'} ${name}: ${reasons[0] ?? ''}`)
  }
  const suite = 'policy/np-guard-negative'
  return [
    barred(
      { suite, measure: `refused of ${cases.length}`, value: refused, unit: 'inputs' },
      '≥',
      cases.length,
    ),
    { suite, measure: 'about other things than documents', value: all.length - cases.length, unit: 'inputs' },
  ]
}
