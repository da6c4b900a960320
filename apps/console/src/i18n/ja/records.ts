import type { Dictionary } from '../en/index.ts'
import { count, counted, detail } from '../plural.ts'

export const records: Dictionary['records'] = {
  events: {
    title: 'イベント',
    intro: '攻撃、拒否された通信、エージェント、ポリシーに関する出来事です。',
    empty: 'イベントはありません',
    emptyText: 'この期間に、お知らせする出来事はありませんでした。',
    severity: '重要度',
    all: 'すべて',
    what: '内容',
    flows: 'フロー',
    codes: {
      'port-scan': (workload, d) =>
        `${workload} が短時間に ${counted(count(d, 'targets', 'destinations', 'hosts', 'ports', 'attempts'), '件')}の宛先に接続を試みました（ポートスキャン）。`,
      'metadata-probe': workload =>
        `${workload} がクラウドのメタデータアドレスから認証情報を取得しようとしました。`,
      'mining-pool': (workload, d) =>
        `${workload} がマイニングプール ${detail(d, 'name', 'destination')} を探しました。`,
      'denied-attempts': (workload, d) =>
        `${workload} の通信 ${counted(count(d, 'connections', 'attempts', 'count'), '件')}を拒否しました。`,
      'agent-joined': (_workload, d) => `${detail(d, 'node')} のエージェントが参加しました。`,
      'agent-connected': (_workload, d) => `${detail(d, 'node')} のエージェントが接続しました。`,
      'agent-away': (_workload, d) =>
        `${detail(d, 'node')} のエージェントと通信できません。最後に受け取った状態で制御を続けています。`,
      'agent-started': () => 'エージェントが起動しました。',
      'program-failed': (_workload, d) =>
        `カーネルがルールの変更を受け付けませんでした: ${detail(d, 'error', 'reason')}`,
      'rules-restored': () => 'カーネル内のルールが外部から変更されたため、元に戻しました。',
      'records-dropped': (_workload, d) =>
        `${counted(count(d, 'count', 'records', 'dropped'), '件')}の記録を保存できませんでした。`,
      'change-applied': (_workload, d) => `${detail(d, 'actor')} がポリシーを変更しました。`,
      'change-reverted': () => '確定されなかったため、ポリシーの変更を自動的に取り消しました。',
    },
  },
  agents: {
    title: 'エージェント',
    intro: 'ノードごとに 1 つ動作します。サーバーと通信できない間も、最後に受け取った状態で制御を続けます。',
    empty: 'エージェントがまだ参加していません',
    emptyText: 'サーバーで参加トークンを発行し、ノードでエージェントを起動してください。',
    connected: '接続中',
    away: '切断',
    lastSeen: '最終受信',
    version: 'バージョン',
    revision: 'ポリシーの状態',
    upToDate: '最新',
    behind: '未反映あり',
    revisionNumber: revision => `リビジョン ${revision}`,
    workloads: 'ワークロード',
    rules: 'ルール',
    program: 'カーネルへの反映時間',
    programHint: '変更を受け取ってから、カーネルに反映するまでの時間です。',
    typical: value => `中央値 ${value}`,
    worst: value => `99 % が ${value} 以内`,
    errors: '反映の失敗',
    ledger: '観測・検査できなかったもの',
    ledgerHint: 'エージェントの起動以降の件数です。ここにないものはすべて観測しています。',
    ledgerEmpty: '見落としはありません。',
    ledgerCodes: {
      'conntrack-lost': 'カーネルが失った接続イベント',
      'nflog-lost': '記録前に失われた拒否パケット',
      'flow-evicted': '表が満杯のため破棄したフロー',
      'spool-dropped': 'ディスク上の待ち行列が満杯のため破棄した記録',
      'unknown-workload': 'ワークロードを特定できないアドレス',
      malformed: '解析できないパケット',
    },
    degraded: 'このノードでできないこと',
  },
  audit: {
    title: '監査ログ',
    intro:
      '誰が何をしたかの記録です。各項目は直前の項目とハッシュで連鎖しており、後からの改変は検出されます。',
    empty: '操作の記録はまだありません',
    actor: '操作者',
    action: '操作',
    target: '対象',
    result: '結果',
    from: '接続元',
    hash: 'ハッシュ',
    results: { ok: '成功', refused: '拒否', failed: '失敗' },
    nobody: '不明',
    actions: {
      'login.link': 'リンクでログイン',
      'login.password': 'パスワードでログイン',
      logout: 'ログアウト',
      'account.password': 'パスワードの設定',
      'token.create': 'API トークンの発行',
      'token.delete': 'API トークンの失効',
      'agent.join': 'エージェントの参加',
      'join-token.create': '参加トークンの発行',
      'policy.apply': 'ポリシーの反映',
      'policy.delete': 'ポリシーの削除',
      'policy.mode': 'モードの変更',
      'change.keep': '変更の確定',
      'change.revert': '変更の取り消し',
    },
  },
}
