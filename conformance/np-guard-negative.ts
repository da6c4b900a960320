import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { validatePolicy } from '@sekisho/policy'
import { barred, type Row } from '../bench/report.ts'
import { readManifests, textField } from './manifests.ts'

interface Case {
  readonly name: string
  readonly dir: string
}

/** Only inputs whose mistake lies in a NetworkPolicy: other kinds are not policy documents of Sekisho. */
const inScope = ({ dir }: Case): boolean => /\/(?:bad_netpols|np_|bad_yamls)/.test(`/${dir}`)
/** The mistake is not in any document: a folder that is missing, or workloads that disagree with each other. */
const NOT_A_DOCUMENT = new Set(['tests/bad_yamls/subdir3'])

/** Inputs that np-guard refuses: ours must refuse one of their documents too, and say why. */
export function negativeInputs(folder: string, explain: (line: string) => void): Row[] {
  const cases = (JSON.parse(readFileSync(join(folder, 'negative-cases.json'), 'utf8')) as Case[]).filter(
    each => inScope(each) && !NOT_A_DOCUMENT.has(each.dir),
  )
  let refused = 0
  for (const { name, dir } of cases) {
    const { manifests, errors } = readManifests(join(folder, dir))
    const reasons = [...errors]
    const seen = new Set<string>()
    for (const manifest of manifests.filter(each => textField(each, 'kind') === 'NetworkPolicy')) {
      const result = validatePolicy(manifest)
      if (!result.ok) reasons.push(...result.error.map(problem => `${problem.path}: ${problem.reason}`))
      else if (seen.has(result.value.id)) reasons.push(`${result.value.id} is there twice`)
      else seen.add(result.value.id)
    }
    if (reasons.length > 0) refused++
    explain(`${reasons.length > 0 ? 'refused' : 'ACCEPTED'} ${name}: ${reasons[0] ?? ''}`)
  }
  const row = {
    suite: 'policy/np-guard-negative',
    measure: `refused of ${cases.length}`,
    value: refused,
    unit: 'inputs',
  }
  return [barred(row, '≥', cases.length)]
}
