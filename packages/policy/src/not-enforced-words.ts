import type { PolicyRule } from './documents/document.ts'
import type { NotEnforced, NotEnforcedWhat } from './not-enforced.ts'

interface Words {
  readonly what: Readonly<Record<NotEnforcedWhat, string>>
  readonly effect: Readonly<Record<PolicyRule['action'], string>>
}

const en: Words = {
  what: {
    application: 'asks what is spoken, which not every agent reads.',
    request: 'asks what is requested, which not every agent reads.',
    name: 'names destinations by DNS name, and not every agent reads where names lead.',
    profiles: 'names inspection profiles, which not every agent applies.',
    'host-subject': 'is about hosts, whose own traffic is not enforced yet.',
  },
  effect: {
    Allow: 'Where it is not read, the rule allows nothing.',
    Deny: 'Where it is not read, the rule denies nothing.',
    Pass: 'Where it is not read, the rule does nothing.',
  },
}

const ja: Words = {
  what: {
    application: '：アプリケーションを検査しないエージェントがあります。',
    request: '：リクエスト内容を検査しないエージェントがあります。',
    name: '：DNS 名の解決結果を読み取らないエージェントがあります。',
    profiles: '：検査プロファイルを適用しないエージェントがあります。',
    'host-subject': '：ホスト自身の通信にはまだ適用されません。',
  },
  effect: {
    Allow: '検査しないノードでは、このルールは何も許可しません。',
    Deny: '検査しないノードでは、このルールは何も拒否しません。',
    Pass: '検査しないノードでは、このルールは何も行いません。',
  },
}

const WORDS = { en, ja } as const

/** What is told to whoever applies the policy, after the name of its rule or its own. */
export function notEnforcedText(
  { what, action }: Pick<NotEnforced, 'what'> & { readonly action?: NotEnforced['action'] | undefined },
  language: keyof typeof WORDS,
): string {
  const words = WORDS[language]
  return [words.what[what], ...(action ? [words.effect[action]] : [])].join(' ')
}
