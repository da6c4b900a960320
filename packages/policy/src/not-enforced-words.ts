import type { PolicyRule } from './documents/document.ts'
import type { NotEnforced, NotEnforcedWhat } from './not-enforced.ts'

interface Words {
  readonly what: Readonly<Record<NotEnforcedWhat, string>>
  readonly effect: Readonly<Record<PolicyRule['action'], string>>
}

const en: Words = {
  what: {
    application: 'asks what is spoken, which is not inspected yet.',
    request: 'asks what is requested, which is not inspected yet.',
    name: 'names destinations by DNS name, which is not enforced yet.',
    profiles: 'names inspection profiles, which are not applied yet.',
    'host-subject': 'is about hosts, whose own traffic is not enforced yet.',
    'external-subject': 'is about external machines, where no agent runs.',
  },
  effect: {
    Allow: 'Until then the rule allows nothing.',
    Deny: 'Until then the rule denies nothing.',
    Pass: 'Until then the rule does nothing.',
  },
}

const ja: Words = {
  what: {
    application: '：アプリケーションの検査はまだ行われません。',
    request: '：リクエスト内容の検査はまだ行われません。',
    name: '：DNS 名による宛先の指定はまだ適用されません。',
    profiles: '：検査プロファイルはまだ適用されません。',
    'host-subject': '：ホスト自身の通信にはまだ適用されません。',
    'external-subject': '：外部マシンではエージェントが動作していないため、適用されません。',
  },
  effect: {
    Allow: 'それまで、このルールは何も許可しません。',
    Deny: 'それまで、このルールは何も拒否しません。',
    Pass: 'それまで、このルールは何も行いません。',
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
