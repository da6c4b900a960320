/** As many addresses and ids as a large node sees; a bound, because ids come from policy documents. */
const REMEMBERED_MAX = 65_536

/** Remembers what a pure function made of a text: the same addresses and ids come again with every change. */
export function memo<Value extends object | string>(make: (text: string) => Value): (text: string) => Value {
  const known = new Map<string, Value>()
  return text => {
    const found = known.get(text)
    if (found !== undefined) return found
    const made = make(text)
    if (known.size >= REMEMBERED_MAX) known.clear()
    known.set(text, made)
    return made
  }
}
