import type { Dictionary } from '../en/index.ts'
import { count, counted, detail } from '../plural.ts'

const state = { none: 'ポリシーなし', audit: '監査中', enforce: '適用中' }

export const map: Dictionary['map'] = {
  title: 'マップ',
  label: 'サービスマップ',
  instructions:
    '矢印キーで名前空間とワークロードの間を移動します。Enter で詳細を開き、Esc で戻ります。+ と − で拡大・縮小、0 で全体表示、/ で絞り込み、T で同じデータを表として表示します。',
  internet: '外部',
  others: addresses => `ほか ${counted(addresses, '個')}`,
  shown: (shown, total) => `${counted(total, 'ノード')}中 ${shown.toLocaleString('ja-JP')} を表示`,
  filters: terms => `絞り込み ${counted(terms, '件')}`,
  clearFilters: '解除',
  lines: (drawn, all) =>
    `${counted(all, '本')}の線のうち ${counted(drawn, '本')}を表示しています。拡大、ポイント、選択で残りも表示されます`,
  view: { label: '表示形式', map: 'マップ', table: '表' },
  live: { pause: 'ライブ更新を一時停止', resume: 'ライブ更新を再開', paused: '一時停止中' },
  zoom: { in: '拡大', out: '縮小', fit: '全体を表示' },
  newDenied: connections => `新たに ${counted(connections, '件')}の接続が拒否されました。`,

  badge: { denied: n => `拒否 ${n}`, audited: n => `監査 ${n}` },
  ports: ports => `${ports} ポート`,
  instances: n => `× ${n}`,
  nodeName: ({ name, inbound, outbound, audited, denied, state }) =>
    [
      name,
      `受信 ${inbound}`,
      `送信 ${outbound}`,
      ...(audited > 0 ? [`監査 ${audited}`] : []),
      ...(denied > 0 ? [`拒否 ${denied}`] : []),
      state,
    ].join('、'),
  islandName: (name, nodes, protection, denied) =>
    [`名前空間 ${name}`, `ワークロード ${nodes}`, protection, ...(denied > 0 ? [`拒否 ${denied}`] : [])].join(
      '、',
    ),
  outsideName: (nodes, denied) =>
    ['外部', `アドレス ${nodes}`, ...(denied > 0 ? [`拒否 ${denied}`] : [])].join('、'),

  protection: { none: 'ポリシーなし', audit: '監査', enforce: '適用', partly: '一部適用' },
  state,
  attack: {
    'port-scan': 'ポートスキャン',
    'metadata-probe': 'クラウド認証情報の探索',
    'mining-pool': 'マイニングプールの探索',
  },
  legend: {
    label: '凡例',
    allowed: '許可: 実線',
    audited: '監査: 破線',
    denied: '拒否: 太線と ✕',
    width: '太さ: 接続数(対数)',
  },

  observing: {
    title: '観測中 – 何も遮断していません',
    text: '適用中のポリシーはありません。通信を記録しているので、そこからポリシーを提案できます。',
    action: 'ポリシーを提案',
  },
  empty: {
    title: 'まだ表示するものがありません',
    filtered: '絞り込みですべて隠れています',
    filteredText: 'この期間に通信はありますが、条件に一致するものはありません。',
    text: 'この期間に確認されたワークロードや通信はありません。',
    widen: '期間を広げる',
  },
  note: (code, details) => {
    switch (code) {
      case 'no-agent':
        return 'まだエージェントが参加していません。ノードで sekisho-agent を実行してください。'
      case 'no-traffic':
        return 'この期間に通信は確認されませんでした。'
      case 'filter-hides':
        return `絞り込みで ${counted(count(details, 'connections'), '件')}の接続が隠れています。`
      case 'history-starts':
        return `この期間の一部は記録がありません。記録は ${detail(details, 'at')} から始まります。`
      case 'externals-folded':
        return `通信の少ない ${counted(count(details, 'addresses'), '個')}の外部アドレスをまとめて表示しています。`
      case 'ports-folded':
        return `使用ポートが非常に多い組み合わせでは、${counted(count(details, 'ports'), '個')}のポートをまとめて表示しています。`
      default:
        return `${code}: ${Object.values(details).join('、')}`
    }
  },

  panel: {
    inbound: '受信',
    outbound: '送信',
    peers: n => `接続線 ${counted(n, '本')}`,
    attack: '不審な動作',
    protectionIn: '受信ポリシー',
    protectionOut: '送信ポリシー',
    kind: '種類',
    instances: 'インスタンス',
    workloads: 'ワークロード',
    more: n => `ほか ${counted(n, '件')}は表で確認できます`,
    why: '理由',
    decidedBy: '判定したルール',
    enforceTitle: 'すべてのポリシーを適用した場合',
    enforce: {
      allowed: '引き続き通過します。',
      audited: '監査モードのポリシーが許可していないため、拒否されます。',
      denied: 'すでに拒否されています。',
    },
    asking: 'ポリシーエンジンに問い合わせています…',
    change: '許可するために必要な変更',
    showFlows: 'フローを表示',
    suggest: 'ポリシーを提案',
    filter: 'これだけ表示',
    zoomTo: 'ここへ拡大',
    gone: 'この期間のマップにはもうありません。',
  },

  table: {
    label: 'マップの線の一覧',
    caption: rows => counted(rows, '本'),
    csv: 'CSV',
    json: 'JSON',
    export: format => `${format} でエクスポート`,
  },
}
