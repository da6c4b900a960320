import type { ConsideredPolicy } from '../decision.ts'

type Words = Readonly<Record<ConsideredPolicy['outcome'], string>>

const en: Words = {
  matched: 'a rule matches',
  'no-rule-matched': 'no rule matches',
  'needs-facts': 'depends on what is spoken',
  expired: 'its rule has expired',
  'does-not-select': 'does not select it',
  'switched-off': 'protection is off',
  'other-direction': 'other direction',
}

const ja: Words = {
  matched: '一致するルールあり',
  'no-rule-matched': '一致するルールなし',
  'needs-facts': '通信の内容による',
  expired: 'ルールの期限切れ',
  'does-not-select': '選択対象外',
  'switched-off': '保護が無効',
  'other-direction': '方向が異なる',
}

/** What became of a policy that was asked, for lists of them. */
export const OUTCOME_WORDS: Readonly<Record<'en' | 'ja', Words>> = { en, ja }
