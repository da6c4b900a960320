import type { RuleRole, RuleUse } from './unused.ts'

interface Words {
  readonly roles: Readonly<Record<RuleRole, string>>
  readonly uses: Readonly<Record<RuleUse, (days: number) => string>>
  readonly isolates: string
}

const en: Words = {
  roles: { allow: 'allow', deny: 'deny', exception: 'exception' },
  uses: {
    unused: days => `no connection for ${days === 1 ? 'a day' : `${days} days`}`,
    'not-seen-long-enough': () => 'not seen long enough',
    perhaps: () => 'perhaps used: records do not keep what it asks for',
    used: () => 'used',
  },
  isolates: 'cannot go alone: the Deny rules beside it isolate nothing',
}

const ja: Words = {
  roles: { allow: '許可', deny: '拒否', exception: '例外' },
  uses: {
    unused: days => `${days} 日間接続なし`,
    'not-seen-long-enough': () => '観測期間が不足',
    perhaps: () => '使用の可能性あり（判定に必要な内容は記録に残りません）',
    used: () => '使用中',
  },
  isolates: '単独では削除できません（残る Deny ルールだけでは制限されません）',
}

const WORDS = { en, ja } as const

export const roleText = (role: RuleRole, language: keyof typeof WORDS): string => WORDS[language].roles[role]

/** What became of a rule within so many days, for people. */
export function useText(
  { use, isolates }: { readonly use: RuleUse; readonly isolates?: true | undefined },
  days: number,
  language: keyof typeof WORDS,
): string {
  const words = WORDS[language]
  const text = words.uses[use](days)
  return isolates ? `${text}; ${words.isolates}` : text
}
