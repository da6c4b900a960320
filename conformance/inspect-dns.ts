import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DEFAULT_DNS_PROFILE } from '@sekisho/core'
import {
  DnsSecurity,
  DomainIndexBuilder,
  dnsSentence,
  GENERATED_THRESHOLD,
  generatedScore,
  readList,
} from '@sekisho/inspect/dns-security'
import { barred, type Row } from '../bench/report.ts'
import type { Sample } from '../packages/inspect/training/corpus.ts'
import { splitOf } from '../packages/inspect/training/split.ts'
import { dnsMessagesIn } from './capture/dns.ts'

type Explain = (line: string) => void

const isTold = ({ label }: Sample): boolean => generatedScore(label) > GENERATED_THRESHOLD
const share = (samples: readonly Sample[]): number =>
  samples.length === 0 ? 0 : samples.filter(isTold).length / samples.length

function explainSources(samples: readonly Sample[], explain: Explain): void {
  for (const [source, all] of Map.groupBy(samples, each => each.source))
    explain(`${source}: ${all.filter(isTold).length} of ${all.length} look generated`)
}

/** Names that the model has not seen: of families whose others it knows, of families that it never met, and chosen ones. */
export function generatedNames(folder: string, explain: Explain): Row[] {
  const { test, strange, dictionary } = splitOf(folder)
  const [made, chosen] = [test.filter(each => each.isGenerated), test.filter(each => !each.isGenerated)]
  for (const samples of [made, strange, dictionary, chosen]) explainSources(samples, explain)
  for (const sample of chosen.filter(isTold))
    explain(`taken for generated: ${sample.label} (${sample.source})`)
  const [right, wrong] = [made.filter(isTold).length, chosen.filter(isTold).length]
  const row = (measure: string, value: number, unit: string) => ({
    suite: 'inspect/dns-generated',
    measure,
    value,
    unit,
  })
  return [
    barred(row(`recall, new names of known families, of ${made.length}`, share(made), 'share'), '≥', 0.85),
    barred(row(`recall, families never seen, of ${strange.length}`, share(strange), 'share'), '≥', 0.85),
    row(`recall, names made of words, of ${dictionary.length}`, share(dictionary), 'share'),
    barred(
      row('precision, where half of all names are generated', balanced(share(made), share(chosen)), 'share'),
      '≥',
      0.99,
    ),
    row(
      `precision in this split, ${made.length} to ${chosen.length}`,
      right / Math.max(1, right + wrong),
      'share',
    ),
    barred(
      row(`chosen names taken for generated, of ${chosen.length}`, share(chosen) * 1e6, 'per million'),
      '≤',
      5_000,
    ),
  ]
}

const balanced = (right: number, wrong: number): number => right / Math.max(Number.MIN_VALUE, right + wrong)

/** Captures in which somebody tunnels through DNS, as those who published them say. */
const TUNNELS = new Set(['bad-dns-traffic.pcap'])

/** Every capture with DNS in it: what is found in those of tunnels, and in all others, which are taken for ordinary. */
export function dnsTraffic(folder: string, explain: Explain): Row[] {
  const captures = ['ndpi', 'zeek', 'suricata-verify', 'maltrail']
    .flatMap(set =>
      readdirSync(join(folder, set), { recursive: true, encoding: 'utf8' }).map(file =>
        join(folder, set, file),
      ),
    )
    .filter(file => /\.(?:pcap|pcapng|trace)(?:\.gz)?$/.test(file))
  const tunnels: string[] = []
  let [messages, ordinary, found] = [0, 0, 0]
  for (const capture of captures) {
    const read = dnsMessagesIn(capture)
    if (read.length === 0) continue
    messages += read.length
    ordinary++
    const security = new DnsSecurity(DEFAULT_DNS_PROFILE)
    const findings = read.flatMap(
      each => (each.message.isAnswer ? security.answer(each) : security.query(each)).findings,
    )
    // A tunnel is told with each of its questions.
    const firsts = new Map(findings.map(finding => [finding.check, finding] as const))
    for (const finding of firsts.values()) explain(`${basename(capture)}: ${dnsSentence(finding, 'en')}`)
    if (findings.some(({ check }) => check === 'tunnel')) tunnels.push(basename(capture))
    if (!TUNNELS.has(basename(capture))) found += findings.length
  }
  const row = (measure: string, value: number, unit: string) => ({
    suite: 'inspect/dns-traffic',
    measure,
    value,
    unit,
  })
  return [
    row(`messages in ${ordinary} captures`, messages, ''),
    barred(
      row(
        `captures of tunnels found, of ${TUNNELS.size}`,
        tunnels.filter(each => TUNNELS.has(each)).length,
        '',
      ),
      '≥',
      TUNNELS.size,
    ),
    barred(
      row('other captures in which a tunnel is found', tunnels.filter(each => !TUNNELS.has(each)).length, ''),
      '≤',
      0,
    ),
    row('findings of all kinds in other captures', found, ''),
  ]
}

/** Category lists of others: how much of them is read, and that what was read is found and nothing else. */
export function dnsLists(folder: string, explain: Explain): Row[] {
  const builder = new DomainIndexBuilder()
  const names = new Map<string, string>()
  let refused = 0
  for (const category of readdirSync(folder, { withFileTypes: true }).filter(each => each.isDirectory())) {
    const path = join(folder, category.name, 'domains')
    if (!readdirSync(join(folder, category.name)).includes('domains')) continue
    const add = builder.list(category.name)
    const reading = readList(readFileSync(path, 'utf8'), entry => {
      names.set(entry.name, category.name)
      add(entry)
    })
    refused += reading.refused
    for (const { line, reason } of reading.problems) explain(`${category.name} line ${line} ${reason}`)
  }
  const index = builder.build()
  const missed = [...names].filter(
    ([name, list]) => !index.match(`www.${name}`).some(match => match.list === list),
  )
  const invented = [...names.keys()].filter(name => index.match(`${name}.not-listed.example`).length > 0)
  const row = (measure: string, value: number, unit: string) => ({
    suite: 'inspect/dns-lists',
    measure,
    value,
    unit,
  })
  return [
    row('names read', index.size, ''),
    row('lines that are no names (addresses)', refused, ''),
    barred(row('names below listed ones that are not found', missed.length, ''), '≤', 0),
    barred(row('names found that no list has', invented.length, ''), '≤', 0),
  ]
}
