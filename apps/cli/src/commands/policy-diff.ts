import { SekishoError } from '@sekisho/core'
import { parsePolicies, policyToYaml } from '@sekisho/policy/documents'

/** Longest common subsequence over lines: small documents, so quadratic is fine (each is at most a few thousand lines). */
export function lineDiff(before: readonly string[], after: readonly string[]): string[] {
  const table = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1))
  const at = (i: number, j: number): number => table[i]?.[j] ?? 0
  for (let i = before.length - 1; i >= 0; i--) {
    const row = table[i]
    for (let j = after.length - 1; row && j >= 0; j--) {
      row[j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const lines: string[] = []
  let i = 0
  let j = 0
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push(`  ${before[i++]}`)
      j++
    } else if (i < before.length && (j >= after.length || at(i + 1, j) >= at(i, j + 1)))
      lines.push(`- ${before[i++]}`)
    else lines.push(`+ ${after[j++]}`)
  }
  return lines
}

/** What applying `yaml` would change, both sides in canonical form; empty when nothing would. */
export async function diffPolicies(yaml: string, current: ReadonlyMap<string, string>): Promise<string> {
  const parsed = parsePolicies(yaml, { applications: 'any' })
  if (!parsed.ok) throw new SekishoError('policy-refused', undefined, parsed.error)
  const canonical = (text: string): string => {
    const stored = parsePolicies(text, { applications: 'any' })
    return stored.ok ? stored.value.map(policyToYaml).join('---\n') : text
  }
  return parsed.value
    .flatMap(policy => {
      const stored = current.get(policy.id)
      const before = stored === undefined ? '' : canonical(stored)
      const after = policyToYaml(policy)
      if (before === after) return []
      const lines = (text: string): string[] => (text === '' ? [] : text.trimEnd().split('\n'))
      return [`${policy.id}${stored === undefined ? ' (new)' : ''}`, ...lineDiff(lines(before), lines(after))]
    })
    .join('\n')
}
