import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ERRORS, LIMITS } from '../packages/core/src/index.ts'

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')

/** Pages that are made from the tables in code; a test compares them with what is on disk. */
export const GENERATED_PAGES: Readonly<Record<string, string>> = {
  'LIMITS.md': `# Limits

Every limit on foreign input: its value, and the attack or accident it stops. Made by \`node scripts/docs.ts\`.

${table(
  ['limit', 'value', 'stops'],
  Object.entries(LIMITS).map(([name, { value, unit, stops }]) => [
    `\`${name}\``,
    `${value.toLocaleString('en')} ${unit}`,
    stops,
  ]),
)}
`,
  'ERRORS.md': `# Errors

Every error of the API and the command line: \`code\` in problem+json (RFC 9457). Made by \`node scripts/docs.ts\`.

${table(
  ['code', 'status', 'meaning'],
  Object.entries(ERRORS).map(([code, { status, text }]) => [`\`${code}\``, String(status), text]),
)}
`,
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(GENERATED_PAGES))
    writeFileSync(join(import.meta.dirname, '../docs', name), text)
}
