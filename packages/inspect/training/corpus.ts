import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { SHORTEST } from '../src/dns-security/generated/features.ts'
import { registeredOf } from '../src/dns-security/suffixes.ts'

export interface Sample {
  readonly label: string
  readonly isGenerated: boolean
  /** The family that made it, or the list in which somebody named it. */
  readonly source: string
}

/** Lists of names that people chose. Those of attackers' own names are no examples of that. */
const CHOSEN = [
  'ai',
  'bank',
  'bitcoin',
  'doh',
  'dynamic-dns',
  'filehosting',
  'gambling',
  'hacking',
  'remote-control',
  'shortener',
  'social_networks',
  'update',
  'vpn',
  'warez',
  'webmail',
]
const NAME = /^(?=.{4,253}$)[a-z0-9-]+(?:\.[a-z0-9-]+)+$/

/** Labels that a model may be asked about. */
function labelsOf(names: Iterable<string>): ReadonlySet<string> {
  const labels = new Set<string>()
  for (const name of names) {
    const text = name.trim().toLowerCase()
    if (!NAME.test(text) || /^[\d.]+$/.test(text)) continue
    const { label, isAssigned } = registeredOf(text)
    if (label.length >= SHORTEST && !label.startsWith('xn--') && !isAssigned) labels.add(label)
  }
  return labels
}

const lines = (path: string): readonly string[] => readFileSync(path, 'utf8').split('\n')

const samplesOf = (names: Iterable<string>, source: string, isGenerated: boolean): readonly Sample[] =>
  Array.from(labelsOf(names), label => ({ label, isGenerated, source }))

/** Hosts that rules of intrusion detection refer to: blogs, vendors, mailing lists. */
function references(folder: string): readonly string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(path =>
    path.endsWith('.rules'),
  )
  return files.flatMap(file =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/reference:url,(?:https?:\/\/)?([^/;:]+)/g)].map(
      ([, host = '']) => host,
    ),
  )
}

/** Names that people chose, each of one source only. @param more files with a name a line. */
export function chosenNames(data: string, more: readonly string[] = []): readonly Sample[] {
  const categories = CHOSEN.flatMap(category =>
    samplesOf(lines(join(data, 'url-categories', category, 'domains')), category, false),
  )
  const rules = samplesOf(references(join(data, 'et-open')), 'references', false)
  const others = more.flatMap(file => samplesOf(lines(file), basename(file), false))
  return [...new Map([...categories, ...rules, ...others].map(sample => [sample.label, sample])).values()]
}

/** Names of families that others collected, one file each. */
export function collectedNames(data: string): readonly Sample[] {
  const folder = join(data, 'dga/bader')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter(file => file.endsWith('.txt'))
    .flatMap(file => samplesOf(lines(join(folder, file)), file.replace('.txt', ''), true))
}

/** The same part for a text on every machine and at every time: 0 to 1. */
export function partOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32
}
