import { expect, test } from 'vitest'
import { isProtected, isWeakened, profileLabel, protectionWord } from '../src/protection.ts'

const firewall = (word: string) => ({ 'sekisho.dev/firewall': word })

test.each<[string, Parameters<typeof protectionWord>[0], ReturnType<typeof protectionWord>]>([
  ['nothing', { annotations: {}, labels: {} }, undefined],
  ['an annotation', { annotations: firewall('disabled'), labels: {} }, 'disabled'],
  ['a label', { annotations: {}, labels: firewall('disabled') }, 'disabled'],
  ['both', { annotations: firewall('enabled'), labels: firewall('disabled') }, 'enabled'],
  ['required', { annotations: firewall('required'), labels: {} }, 'required'],
  ['nonsense protects', { annotations: firewall('Disabled'), labels: {} }, 'enabled'],
])('%s', (_name, metadata, word) => {
  expect(protectionWord(metadata)).toBe(word)
})

test.each<[Parameters<typeof isProtected>[0], boolean]>([
  [[undefined, undefined, undefined], true],
  [['disabled', undefined, undefined], false],
  [['disabled', 'enabled', undefined], true],
  [['disabled', 'enabled', 'disabled'], false],
  [['enabled', 'disabled', undefined], false],
  [['enabled', 'disabled', 'enabled'], true],
  [['enabled', 'required', 'disabled'], true],
  [['required', 'disabled', 'disabled'], true],
])('cluster, namespace and pod say %j: protected %j', (words, expected) => {
  expect(isProtected(words)).toBe(expected)
})

test.each<[...Parameters<typeof isWeakened>, boolean]>([
  [[undefined], 'enabled', 'disabled', true],
  [[undefined], 'enabled', undefined, true],
  [[undefined], 'required', 'enabled', true],
  [[undefined], undefined, 'disabled', true],
  [['enabled', undefined], undefined, 'disabled', true],
  [['disabled', undefined], undefined, 'disabled', false],
  [['disabled', 'enabled'], undefined, 'disabled', true],
  [['disabled'], 'enabled', undefined, true],
  [['required'], 'enabled', 'disabled', false],
  [['enabled', 'required'], 'enabled', undefined, false],
  [[undefined], 'disabled', 'enabled', false],
  [[undefined], 'disabled', undefined, false],
  [[undefined], 'enabled', 'enabled', false],
  [[undefined], 'enabled', 'required', false],
])('inside of %j, from %j to %j: weakened %j', (around, before, after, expected) => {
  expect(isWeakened(around, before, after)).toBe(expected)
})

test.each<[string, object]>([
  ['strict', { 'sekisho.dev/profile': 'strict' }],
  ['a b', {}],
])('the profile %j is seen as a label, if it can be one', (profile, labels) => {
  expect(profileLabel({ annotations: { 'sekisho.dev/profile': profile }, labels: {} })).toEqual(labels)
})
