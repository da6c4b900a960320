import { entryOf, type LineReading, refused } from './entry.ts'

/** Options that change nothing for somebody who sees names only. */
const HARMLESS = new Set(['all', 'doc', 'document', 'important', 'popup', 'third-party', '3p', 'dnsrewrite'])

/** `||name^` and its exception `@@||name^`, as lists for resolvers use them; whatever needs an address is no matter of DNS. */
export function adblockLine(text: string): LineReading {
  const isException = text.startsWith('@@')
  const parts = /^(?:@@)?\|\|([^^$/|]+)\^?\|?(?:\$(.+))?$/.exec(text)
  if (!parts) return refused('is about pages or paths, not names')
  const [, name = '', options = ''] = parts
  const odd = options.split(',').find(option => option !== '' && !HARMLESS.has(option.replace(/=.*/, '')))
  if (odd !== undefined) return refused(`has the option "${odd.slice(0, 40)}", which is not one of names`)
  return entryOf(
    name.startsWith('*.') ? name.slice(2) : name,
    name.startsWith('*.') ? 'below' : 'both',
    isException,
  )
}
