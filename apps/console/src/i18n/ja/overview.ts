import type { Dictionary } from '../en/index.ts'
import { count, counted, detail } from '../plural.ts'

export const overview: Dictionary['overview'] = {
  title: '概要',
  intro: (workloads, namespaces) =>
    `${counted(namespaces, '個')}の名前空間に ${counted(workloads, '個')}のワークロードがあります。`,
  attention: {
    title: '確認が必要なこと',
    none: '異常はありません',
    stopped: denied => `阻止済み: ${counted(denied, '件')}を拒否し、以後は通っていません。`,
    noneText: 'スキャンも拒否された通信もなく、すべてのエージェントが最新の状態です。',
    codes: {
      'port-scan': (workload, d) =>
        `${workload} がスキャンを行っています。${counted(count(d, 'addresses'), '個')}のアドレスの ${counted(count(d, 'ports'), '個')}のポートに接続を試みました。`,
      'metadata-probe': workload =>
        `${workload} がクラウドのメタデータアドレスから認証情報を取得しようとしています。`,
      'mining-pool': (workload, d) =>
        `${workload} がマイニングプール${d.name === undefined ? '' : `（${detail(d, 'name')}）`}を探しています。`,
      'unexpected-application': (workload, d) =>
        `${workload} が ${detail(d, 'destination')} のポート ${detail(d, 'port')} で ${detail(d, 'application')} を使っています。通常は別のアプリケーションのポートです。`,
      'denied-attempts': (workload, d) =>
        `${workload} から ${detail(d, 'destination')} のポート ${detail(d, 'port')} への通信 ${counted(count(d, 'connections'), '件')}を拒否しました。`,
      'audited-traffic': (_workload, d) =>
        `監査モードのポリシーを適用すると、${counted(count(d, 'connections'), '件')}の接続が拒否されます。`,
      'unprotected-namespace': (_workload, d) =>
        `名前空間 ${detail(d, 'namespace')} を保護するポリシーがありません${
          count(d, 'workloads') > 0 ? `（ワークロード ${counted(count(d, 'workloads'), '個')}）` : ''
        }。`,
      'change-pending': () => '試行中のポリシー変更があります。確定しなければ自動的に取り消されます。',
      'agent-away': (_workload, d) =>
        `${detail(d, 'node')} のエージェントと通信できません。最後に受け取った状態で制御を続けています。`,
      'agent-behind': (_workload, d) =>
        `${detail(d, 'node')} のエージェントに最新のポリシーがまだ反映されていません。`,
      'records-begin': (_workload, d) =>
        `${detail(d, 'since')} からサーバー ${detail(d, 'server')} がリーダーです。それより前の記録は、以前のリーダーに残っています。`,
      'records-dropped': (_workload, d) =>
        `${detail(d, 'node')} のエージェントが、観測または記録できなかったものがあります。表示に抜けがあります。`,
      'nothing-seen': () => 'まだ通信が観測されていません。',
    },
  },
  action: {
    'show-map': 'マップで見る',
    'show-flows': 'フローを見る',
    suggest: 'ポリシーを提案',
    'review-change': '変更を確認',
    'show-agents': 'エージェントを見る',
  },
  traffic: {
    title: '通信',
    total: connections => `接続 ${counted(connections, '件')}`,
    learning: ago => `${ago} から観測しています。`,
    none: 'この期間にはありません。',
  },
  protection: {
    title: '保護状況',
    enforced: '適用',
    audited: '監査',
    unprotected: '保護なし',
    of: (part, whole) => `${counted(whole, '個')}のワークロードのうち ${counted(part, '個')}に適用中`,
  },
  agents: {
    title: 'エージェント',
    connected: (connected, total) => `${total} 台中 ${connected} 台が接続中`,
    none: 'エージェントがまだ参加していません。観測も制御もできません。',
  },
  steps: {
    title: '観測から適用まで',
    done: '完了',
    next: '次の手順',
    observe: { title: '観測', text: 'エージェントが通信を記録します。何も遮断しません。' },
    suggest: { title: '提案', text: '観測した通信から、根拠付きの最小権限ポリシーを作ります。' },
    simulate: { title: 'シミュレーション', text: '記録した通信で、止まるものと壊れるものを確かめます。' },
    audit: { title: '監査', text: '実際の通信を判定して報告します。通信はすべて通します。' },
    enforce: { title: '適用', text: '判定どおりに制御します。確定しなければ自動的に取り消されます。' },
  },
}
