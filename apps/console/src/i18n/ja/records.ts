import type { Dictionary } from '../en/index.ts'
import { count, counted, type Details, detail } from '../plural.ts'

const contained = (d: Details): string =>
  detail(d, 'action') === 'quarantine'
    ? `${detail(d, 'target')} を隔離しました`
    : `${detail(d, 'target')} と ${d.peer === undefined ? 'すべての相手' : detail(d, 'peer')} との通信を遮断しました`

const ENDINGS: Readonly<Record<string, string>> = {
  expired: '期限切れ',
  lifted: '手動で解除',
  rule: 'ルールの削除または無効化',
}

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
      'port-scan': (_workload, d) =>
        `${detail(d, 'source')} がスキャンを始めました。数分以内に ${counted(count(d, 'addresses'), '個')}のアドレスの ${counted(count(d, 'ports'), '個')}のポートに接続を試みています。`,
      'metadata-probe': (_workload, d) =>
        `${detail(d, 'source')} がクラウドのメタデータアドレス ${detail(d, 'address')} から認証情報を取得しようとしました。`,
      'mining-pool': (workload, d) => `${workload} がマイニングプール ${detail(d, 'name')} を探しました。`,
      'change-reverted': (_workload, d) =>
        `確定されなかったため、自動的に取り消しました: ${detail(d, 'summary')}`,
      'program-failed': (_workload, d) =>
        `カーネルが新しいルールを受け付けませんでした。直前のルールのまま動作しています。${detail(d, 'reason')}`,
      'inspection-failed': (_workload, d) =>
        `検査スレッドが停止したため、再起動します。それまではポリシーの障害時設定に従います。${detail(d, 'reason')}`,
      'dns-finding': (workload, d) => `${workload}：${detail(d, 'ja')}`,
      'state-refused': (_workload, d) =>
        `エージェントがサーバーの状態を受け付けず、直前の状態のまま動作しています。${detail(d, 'reason')}`,
      'spool-failed': (_workload, d) =>
        `エージェントのディスクに記録を書き込めませんでした。${detail(d, 'reason')}`,
      'workloads-refused': (_workload, d) =>
        `${detail(d, 'file')} を受け付けず、直前の内容のまま動作しています。${detail(d, 'reason')}`,
      'server-leads': (_workload, d) =>
        `ここからはサーバー ${detail(d, 'server')} がリーダーです。これより前の記録は、以前のリーダーに残っています。`,
      'response-started': (_workload, d) =>
        `ルール ${detail(d, 'rule')} により、${contained(d)}（${detail(d, 'until')} まで）。検出内容: ${detail(d, 'why')}`,
      'response-audited': (_workload, d) =>
        `監査モードのため実行していませんが、ルール ${detail(d, 'rule')} は ${detail(d, 'target')} に対応（${detail(d, 'action')}）するところでした。検出内容: ${detail(d, 'why')}`,
      'response-limited': (_workload, d) =>
        `ルール ${detail(d, 'rule')} の上限に達しているため、${detail(d, 'target')} には何もしていません。検出内容: ${detail(d, 'why')}`,
      'response-notified': (_workload, d) =>
        `${detail(d, 'target')} がルール ${detail(d, 'rule')} に該当しました。検出内容: ${detail(d, 'why')}`,
      'response-ended': (_workload, d) =>
        `ルール ${detail(d, 'rule')} による ${detail(d, 'target')} への対応が終了しました（${ENDINGS[detail(d, 'how')] ?? '–'}）。`,
      'agent-overreach': (_workload, d) =>
        `${detail(d, 'node')} のエージェントが自分のものではない情報を報告したため、その部分を受け付けませんでした。`,
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
      'connection-events-lost': 'カーネルが失った接続イベント',
      'logged-packets-lost': '記録前に失われた拒否パケット',
      'denials-not-logged': '件数だけを数えた拒否',
      'flows-gathered': '多すぎるためまとめたフロー',
      'flows-overflowed': '多すぎるため除いたフロー',
      'connections-not-followed': '通信量を追跡できなかった接続',
      'judgement-disagreements': 'カーネルと判定エンジンの不一致',
      'spool-failed': 'ディスクに書き込めなかった記録',
      'spool-overflowed': 'ディスク上の待ち行列が満杯のため破棄した記録',
      'batch-refused': 'サーバーが受け付けなかった記録',
      'inspection-queue-full': '待ち行列が満杯のため検査できなかったパケット',
      'inspection-notices-lost': '記録前に失われた検査結果',
      'names-evicted': '期限前に破棄された DNS の解決結果',
      'not-inspected-not-ip': '未検査のパケット: IP 以外',
      'not-inspected-malformed-header': '未検査のパケット: 不正なヘッダー',
      'not-inspected-fragment': '未検査のパケット: 断片',
      'not-inspected-extension-chain': '未検査のパケット: 拡張ヘッダーが多すぎる',
      'not-inspected-ip-in-ip': '未検査のパケット: IP in IP',
      'not-inspected-gre': '未検査のパケット: GRE',
      'not-inspected-esp': '未検査のパケット: IPsec による暗号化',
      'not-inspected-other-transport': '未検査のパケット: その他のトランスポート',
      'not-inspected-checksum': '未検査のパケット: チェックサム不一致',
      'not-inspected-midstream': '未検査のパケット: 接続の開始を観測していない',
      'not-inspected-no-room': '未検査のパケット: 接続が多すぎる',
    },
    inspection: '検査',
    inspects: flows => `${flows} 件の通信を検査中`,
    notListening: '停止中',
    restarts: count => `再起動 ${count} 回`,
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
      'agent.remove': 'エージェントの削除',
      'login-link': 'ログインリンクの発行',
      'join-token': '参加トークンの発行（コマンド）',
      token: 'API トークンの発行（コマンド）',
      'join-token.create': '参加トークンの発行',
      'policy.apply': 'ポリシーの反映',
      'policy.delete': 'ポリシーの削除',
      'policy.mode': 'モードの変更',
      'change.keep': '変更の確定',
      'change.revert': '変更の取り消し',
    },
  },
}
