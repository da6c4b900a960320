import { describe, expect, test } from 'vitest'
import { PLUGIN, withoutPlugin, withPlugin } from '../src/cni/conflist.ts'

const list = (...types: readonly string[]) => ({
  cniVersion: '1.0.0',
  name: 'pods',
  plugins: types.map(type => ({ type })),
})
const text = (json: object) => JSON.stringify(json)
const plugins = (source: string) =>
  (JSON.parse(source) as { plugins: { type: string }[] }).plugins.map(({ type }) => type)

describe('the plugin in a network configuration', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['comes last', ['bridge', 'portmap'], ['bridge', 'portmap', PLUGIN]],
    ['is moved to the end', ['bridge', PLUGIN, 'portmap'], ['bridge', 'portmap', PLUGIN]],
    ['is there once', ['bridge', PLUGIN, PLUGIN], ['bridge', PLUGIN]],
  ])('%s', (_what, before, after) => {
    const changed = withPlugin(text(list(...before)))
    expect(changed.ok && plugins(changed.value)).toEqual(after)
  })

  test('what is as it should be stays the text that it is', () => {
    const source = text(list('bridge', PLUGIN))
    expect(withPlugin(source)).toEqual({ ok: true, value: source })
    const without = ` ${text(list('bridge'))}\n\n`
    expect(withoutPlugin(without)).toEqual({ ok: true, value: without })
  })

  test('everything else is kept: unknown fields, order, digits of large numbers, odd keys', () => {
    const source = `{"x":1e400,"cniVersion":"1.0.0","name":"a","big":12345678901234567890,"__proto__":{"a":[1]},
      "plugins":[{"type":"calico","ipam":{"range":1.50},"log":"\\u00e9\\u2028"}],"disableCheck":true}`
    const changed = withPlugin(source)
    if (!changed.ok) throw new Error(changed.error)
    for (const kept of ['1e400', '12345678901234567890', '1.50', '"__proto__"', '"disableCheck": true'])
      expect(changed.value).toContain(kept)
    const back = withoutPlugin(changed.value)
    const one = (value: string) => JSON.stringify(JSON.parse(value))
    expect(back.ok && one(back.value)).toBe(one(source))
  })

  test.each<[string, string, string]>([
    ['half a file', '{"name": "a", "plugins": [', 'it is not JSON'],
    ['a comment', '{"name": "a", // mine\n"plugins": [{"type": "bridge"}]}', 'it is not JSON'],
    ['nothing', '', 'it is not JSON'],
    ['a list', '[]', 'it is not an object'],
    ['null', 'null', 'it is not an object'],
    ['one plugin', '{"name": "a", "type": "bridge"}', 'it is of one plugin only'],
    ['no name', '{"plugins": [{"type": "bridge"}]}', 'its name is missing'],
    ['no plugins', '{"name": "a"}', 'plugins is not a list of at least one'],
    ['an empty list', '{"name": "a", "plugins": []}', 'plugins is not a list of at least one'],
    [
      'plugins by name',
      '{"name": "a", "plugins": {"type": "bridge"}}',
      'plugins is not a list of at least one',
    ],
    [
      'a plugin without a type',
      '{"name": "a", "plugins": [{"type": "bridge"}, {}]}',
      'plugins[1] has no type',
    ],
    ['a text for a plugin', '{"name": "a", "plugins": ["bridge"]}', 'plugins[0] has no type'],
    ['nothing but ours', `{"name": "a", "plugins": [{"type": "${PLUGIN}"}]}`, 'it has no plugin but'],
    ['a file of gigabytes', ' '.repeat(2_000_000), 'it is longer than'],
    ['depths', `{"name": "a", "plugins": ${'['.repeat(5)}${']'.repeat(5)}}`, 'plugins[0] has no type'],
  ])('%s is refused, both ways', (_what, source, reason) => {
    for (const change of [withPlugin, withoutPlugin]) {
      const changed = change(source)
      expect(changed.ok ? '' : changed.error).toContain(reason)
    }
  })
})
