const english = new Intl.NumberFormat('en-GB')
const japanese = new Intl.NumberFormat('ja-JP')

/** `1 flow`, `1,482 flows`. */
export const plural = (count: number, one: string, other = `${one}s`): string =>
  `${english.format(count)} ${count === 1 ? one : other}`

/** Japanese counts with a counter word and no plural: `1,482 件`. */
export const counted = (count: number, counter: string): string => `${japanese.format(count)} ${counter}`

/** Details of events come from agents: a value that is not there is shown as a dash, never as "undefined". */
export type Details = Readonly<Record<string, string | number | boolean>>
export const detail = (details: Details, ...keys: readonly string[]): string => {
  const key = keys.find(name => details[name] !== undefined)
  return key === undefined ? '–' : String(details[key])
}
export const count = (details: Details, ...keys: readonly string[]): number => {
  const key = keys.find(name => typeof details[name] === 'number')
  return key === undefined ? 0 : Number(details[key])
}

/** The entry of a table for a code that comes from outside; undefined when this console does not know it. */
export const entry = <T>(table: Readonly<Record<string, T>>, code: string): T | undefined =>
  Object.hasOwn(table, code) ? table[code] : undefined
