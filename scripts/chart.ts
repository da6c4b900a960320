import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHART_FILES } from './chart/files.ts'

for (const [path, text] of Object.entries(CHART_FILES))
  writeFileSync(join(import.meta.dirname, '..', path), text)
