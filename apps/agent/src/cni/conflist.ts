import { fail, isRecord, type JsonRecord, LIMITS, ok, type Result } from '@sekisho/core'

/** Our link of the chain: what it does is settled by the agent, nothing of it stands in the file. */
export const PLUGIN = 'sekisho-cni'

interface Conflist extends JsonRecord {
  readonly plugins: readonly JsonRecord[]
}

/**
 * Numbers stay the text that they are: JavaScript's would lose digits of a large one.
 * `context` is given by V8, and not yet known to TypeScript's library.
 */
const verbatim = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === 'number' && context?.source !== undefined ? rawJson(context.source) : value

// https://tc39.es/proposal-json-parse-with-source/
const { rawJSON: rawJson } = JSON as typeof JSON & { rawJSON(text: string): unknown }

/** Reads a network configuration list as a runtime does, or says what is wrong with it. */
function parse(source: string): Result<Conflist, string> {
  const { value: most } = LIMITS.cniConfigCharacters
  if (source.length > most) return fail(`it is longer than ${most} characters`)
  let json: unknown
  try {
    json = JSON.parse(source, verbatim)
  } catch (error) {
    if (error instanceof SyntaxError) return fail(`it is not JSON: ${error.message}`)
    throw error
  }
  if (!isRecord(json)) return fail('it is not an object')
  const { plugins, name, type } = json
  if (plugins === undefined && type !== undefined)
    return fail('it is of one plugin only, and not a list of them')
  if (typeof name !== 'string' || name === '') return fail('its name is missing')
  if (!Array.isArray(plugins) || plugins.length === 0) return fail('plugins is not a list of at least one')
  const wrong = plugins.findIndex(
    plugin => !isRecord(plugin) || typeof plugin.type !== 'string' || plugin.type === '',
  )
  if (wrong >= 0) return fail(`plugins[${wrong}] has no type`)
  // Each was just seen to be an object.
  return ok({ ...json, plugins: plugins as readonly JsonRecord[] })
}

const isOurs = ({ type }: JsonRecord): boolean => type === PLUGIN

const print = (list: Conflist): string => `${JSON.stringify(list, null, 2)}\n`

/** The list with our plugin as its last, everything else as it was. The same text where it is so already. */
export function withPlugin(source: string): Result<string, string> {
  const list = parse(source)
  if (!list.ok) return list
  const { plugins } = list.value
  const others = plugins.filter(plugin => !isOurs(plugin))
  if (others.length === 0) return fail(`it has no plugin but ${PLUGIN}`)
  const last = plugins.at(-1)
  if (last && isOurs(last) && others.length === plugins.length - 1) return ok(source)
  return ok(print({ ...list.value, plugins: [...others, { type: PLUGIN }] }))
}

/** The list without our plugin. The same text where it is not in it. */
export function withoutPlugin(source: string): Result<string, string> {
  const list = parse(source)
  if (!list.ok) return list
  const others = list.value.plugins.filter(plugin => !isOurs(plugin))
  if (others.length === list.value.plugins.length) return ok(source)
  if (others.length === 0) return fail(`it has no plugin but ${PLUGIN}`)
  return ok(print({ ...list.value, plugins: others }))
}
