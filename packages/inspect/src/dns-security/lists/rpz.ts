import { entryOf, type LineReading, NOTHING, refused } from './entry.ts'

const TRIGGERS_BY_ADDRESS = /\.rpz-(?:ip|client-ip|nsip|nsdname)$/
const CLASSES = new Set(['IN', 'CH', 'HS'])
const BLOCKING = new Set(['A', 'AAAA', 'TXT', 'DNAME', 'MX'])

/**
 * A response policy zone (draft-vixie-dnsop-dns-rpz-00): `name CNAME .` answers that the name is none; `*.name` is about
 * the names below; `rpz-passthru.` is an exception, as is a name that leads to itself. Records of other types give an
 * answer instead, which for a list is as good as blocking.
 */
export class RpzZone {
  #origin = ''
  #open = 0

  /** Inside the parentheses of an SOA record that goes over several lines. */
  get isContinued(): boolean {
    return this.#open > 0
  }

  line(words: readonly string[]): LineReading {
    const wasOpen = this.isContinued
    this.#open = Math.max(0, this.#open + count(words, '(') - count(words, ')'))
    if (wasOpen || this.isContinued) return NOTHING
    const [first = '', second = ''] = words
    if (first.toUpperCase() === '$ORIGIN') {
      this.#origin = second.toLowerCase().replace(/\.$/, '')
      return NOTHING
    }
    if (first.startsWith('$TTL')) return NOTHING
    if (first.startsWith('$')) return refused('is a directive that is not known')
    return this.#record(words)
  }

  #record([owner = '', ...rest]: readonly string[]): LineReading {
    const [type = '', target = ''] = rest.filter(
      word => !/^\d+[smhdw]?$/i.test(word) && !CLASSES.has(word.toUpperCase()),
    )
    const kind = type.toUpperCase()
    // The zone's own records, whose owner the second of them leaves out.
    if (owner === '@' || owner.toUpperCase() === 'NS' || kind === 'SOA' || kind === 'NS') return NOTHING
    if (kind !== 'CNAME' && !BLOCKING.has(kind)) return refused('is no record of a policy zone')
    const name = this.#relative(owner)
    if (TRIGGERS_BY_ADDRESS.test(name)) return refused('is triggered by an address, not by a name')
    if (target === '') return refused('has no target')
    const isException = kind === 'CNAME' && isPassing(target, name)
    return name.startsWith('*.')
      ? entryOf(name.slice(2), 'below', isException)
      : entryOf(name, 'exact', isException)
  }

  /** Owners without a last dot are below the zone, which is not part of the name that is meant. */
  #relative(owner: string): string {
    const name = owner.toLowerCase()
    if (!name.endsWith('.')) return name
    const full = name.slice(0, -1)
    return this.#origin !== '' && full.endsWith(`.${this.#origin}`)
      ? full.slice(0, -this.#origin.length - 1)
      : full
  }
}

const isPassing = (target: string, name: string): boolean =>
  target.toLowerCase() === 'rpz-passthru.' ||
  target.toLowerCase().replace(/\.$/, '') === name.replace(/^\*\./, '')
const count = (words: readonly string[], sign: string): number =>
  words.reduce((sum, word) => sum + word.split(sign).length - 1, 0)
