import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileSelector, type Labels, parseSelector } from '../src/index.ts'

test.each<[string, Labels, boolean]>([
  ['app=web', { app: 'web' }, true],
  ['app == web', { app: 'web' }, true],
  ['app=web,tier!=back', { app: 'web', tier: 'back' }, false],
  ['app=web, tier!=back', { app: 'web' }, true],
  ['env in (prod, pci)', { env: 'pci' }, true],
  ['env in (prod,pci),app=web', { env: 'pci', app: 'api' }, false],
  ['env notin (dev)', {}, true],
  ['env notin (dev)', { env: 'dev' }, false],
  ['pci', { pci: '' }, true],
  ['!pci', { pci: '' }, false],
  ['example.com/data=pci', { 'example.com/data': 'pci' }, true],
  ['empty=', { empty: '' }, true],
])('%s of %j is %j', (text, labels, expected) => {
  const selector = parseSelector(text)
  expect(selector.ok && compileSelector(selector.value)(labels)).toBe(expected)
})

test.each([
  '',
  ',',
  'app=web,',
  '=web',
  'app=a b',
  'app in web',
  'app in (a',
  'app>3',
  '!app=web',
  'a in ((b))',
  '-a',
])('%j is refused', text => {
  expect(parseSelector(text)).toMatchObject({ ok: false })
})

test('any text is read or refused, at once', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'in', ' ', '(', ')', ',', '!', '=', '-', '.'), maxLength: 400 }),
      text => {
        expect(typeof parseSelector(text).ok).toBe('boolean')
      },
    ),
  )
})
