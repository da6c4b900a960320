import { canonicalIp, LIMITS } from '@sekisho/core'
import { adblockLine } from './adblock.ts'
import { entryOf, type LineReading, type ListEntry, NOTHING, refused } from './entry.ts'
import { RpzZone } from './rpz.ts'

export interface LineProblem {
  /** From 1. */
  readonly line: number
  readonly reason: string
}

export interface ListReading {
  readonly entries: number
  /** How many lines could not be read. */
  readonly refused: number
  /** The first of them. */
  readonly problems: readonly LineProblem[]
}

/** Names that hosts files have for the machine itself. */
const OWN = new Set(
  'localhost localhost.localdomain local broadcasthost ip6-localhost ip6-loopback ip6-localnet ip6-mcastprefix ip6-allnodes ip6-allrouters ip6-allhosts 0.0.0.0'.split(
    ' ',
  ),
)

/** `0.0.0.0 name name`: the address says nothing, the file is a list. */
function hostsLine(words: readonly string[]): LineReading {
  const names = words.slice(1).filter(word => !OWN.has(word.toLowerCase()))
  const read = names.map(name => entryOf(name))
  const wrong = read.find(({ kind }) => kind === 'refused')
  if (wrong) return wrong
  if (words.length === 1) return refused('is an address, not a name')
  return read.length === 0
    ? NOTHING
    : { kind: 'entries', entries: read.flatMap(each => (each.kind === 'entries' ? each.entries : [])) }
}

/** `name`, `*.name` and `.name`, of which the latter two are about names below. */
function plainLine(word: string): LineReading {
  if (word.startsWith('*.')) return entryOf(word.slice(2), 'below')
  return entryOf(word.startsWith('.') ? word.slice(1) : word)
}

function readLine(line: string, zone: RpzZone): LineReading {
  if (line.length > LIMITS.listLine.value) return refused('is too long')
  const text = line.trim()
  if (text === '' || /^[#!;[]/.test(text)) return NOTHING
  if (/^(?:@@|\|\|)|##|#@#|#\?#/.test(text)) return adblockLine(text)
  const words = text.replace(/\s[#;].*$/, '').split(/\s+/)
  const [first = '', ...others] = words
  if (canonicalIp(first) !== undefined) return hostsLine(words)
  if (others.length > 0 || first.startsWith('$') || first === '@' || zone.isContinued) return zone.line(words)
  return plainLine(first)
}

/**
 * Reads a list line by line, each in whichever of these forms it has: a name, a hosts file, AdBlock's `||name^`, or a
 * response policy zone. A line that cannot be read is told and left out: a list of strangers has always some.
 */
export function readList(text: string, add: (entry: ListEntry) => void): ListReading {
  const zone = new RpzZone()
  const problems: LineProblem[] = []
  let [entries, wrong, line] = [0, 0, 0]
  const refuse = (reason: string): void => {
    wrong++
    if (problems.length < LIMITS.problemsPerFile.value) problems.push({ line, reason })
  }
  for (let from = text.startsWith('\u{feff}') ? 1 : 0; from < text.length; ) {
    const end = text.indexOf('\n', from)
    const until = end < 0 ? text.length : end
    line++
    const reading = readLine(text.slice(from, until), zone)
    from = until + 1
    if (reading.kind === 'refused') refuse(reading.reason)
    if (reading.kind !== 'entries') continue
    if (entries + reading.entries.length > LIMITS.listNames.value) {
      refuse('is one name more than is held')
      break
    }
    for (const entry of reading.entries) add(entry)
    entries += reading.entries.length
  }
  return { entries, refused: wrong, problems }
}
