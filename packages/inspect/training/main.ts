import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scoreWith } from '../src/dns-security/generated/model.ts'
import { splitOf } from './split.ts'
import { train } from './train.ts'

/*
 * Trains the model of generated domain names: `node packages/inspect/training/main.ts DATA [FILE…]`, where DATA has
 * `dga/bader`, `url-categories` and `et-open`, and files have more names that people chose, one a line. The same data gives
 * the same weights, byte by byte.
 */
const OUT = join(import.meta.dirname, '../src/dns-security/generated/weights.gen.ts')
/** Of names that people chose, at most so many may be taken for generated. */
const FALSE_SHARE = 0.002
const WIDTH = 100

const [data, ...more] = process.argv.slice(2)
if (data === undefined)
  throw new TypeError('which folder has the names? node packages/inspect/training/main.ts DATA')
const say = (line: string): void => console.error(line)

const split = splitOf(data, more)
say(`${split.train.length} names to train with`)
const model = train(split.train, say)
const chosen = split.tune
  .filter(({ isGenerated }) => !isGenerated)
  .map(({ label }) => scoreWith(model, label))
const threshold = chosen.toSorted((a, b) => b - a)[Math.floor(chosen.length * FALSE_SHARE)] ?? 1

const text = Buffer.from(model.weights.buffer).toString('base64')
const rows = text.match(new RegExp(`.{1,${WIDTH}}`, 'g')) ?? []
writeFileSync(
  OUT,
  `// Made by packages/inspect/training/main.ts; do not edit.
/** What one step of a weight counts. */
export const SCALE = ${model.scale}
/** At this score two in a thousand names that people chose were taken for generated. */
export const THRESHOLD = ${threshold.toFixed(4)}
/** A signed byte for each bucket of features, in base64. */
export const WEIGHTS = [
${rows.map(row => `  '${row}',`).join('\n')}
].join('')
`,
)
say(`threshold ${threshold.toFixed(4)}`)
