import { expect, test } from 'vitest'
import { NOT_ENFORCED } from '../src/index.ts'
import { notEnforcedText } from '../src/not-enforced-words.ts'

test.each(NOT_ENFORCED)('%s is told in both languages, with what a rule does until then', what => {
  expect(notEnforcedText({ what }, 'en')).toMatch(/^[a-z].+\.$/)
  expect(notEnforcedText({ what, action: 'Deny' }, 'en')).toMatch(
    /\. Where it is not read, the rule denies nothing\.$/,
  )
  expect(notEnforcedText({ what, action: 'Allow' }, 'ja')).toMatch(
    /^：.+。 検査しないノードでは、このルールは何も許可しません。$/,
  )
})
