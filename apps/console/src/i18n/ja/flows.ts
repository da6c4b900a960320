import { OUTCOME_WORDS } from '@sekisho/policy/outcome-words'
import type { Dictionary } from '../en/index.ts'
import { counted } from '../plural.ts'

export const flows: Dictionary['flows'] = {
  title: 'フロー',
  intro: '誰が誰と通信し、どのルールがどう判定したかを示します。',
  table: 'フロー（新しい順）',
  pause: '一時停止',
  resume: '再開',
  newer: count => `新しいフロー ${counted(count, '件')}を表示`,
  shown: count => `フロー ${counted(count, '件')}`,
  empty: {
    title: 'フローがありません',
    filtered: 'この期間に、フィルターに一致するものはありません。',
    nothing:
      'この期間には何も観測されていません。ワークロードのノードでエージェントが動作していれば、新しい接続は数秒で表示されます。',
    clear: 'フィルターを解除',
    wider: '直近 24 時間',
    agents: 'エージェントを確認',
  },
  direction: '判定した側',
  sent: '送信量',
  received: '受信量',
  panel: {
    why: '理由',
    requests: 'リクエスト',
    request: 'リクエスト',
    times: '回数',
    unnamed: 'その他',
    facts: '観測内容',
    considered: '検討したポリシー',
    noPolicies: 'どちらの側も選択するポリシーがありません。',
    change: '判定を変えるには',
    changeHint: 'この通信を許可する最小のルールです。内容を確かめてから使ってください。',
    edit: 'エディターで開く',
    explaining: '判定エンジンに問い合わせています…',
    now: '現在のポリシーでの判定:',
    defaultDeny: '既定の拒否',
    moreLike: 'この 2 者間のフロー',
    map: 'マップで見る',
    outcome: OUTCOME_WORDS.ja,
    filterBy: '絞り込み',
  },
}
