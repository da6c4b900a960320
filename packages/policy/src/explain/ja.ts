import type { Dictionary } from './dictionary.ts'

const at = (ip: string | undefined): string => (ip === undefined ? '' : `（${ip}）`)

export const ja: Dictionary = {
  ends: {
    workload: ({ namespace, name, ip }) => `${namespace}/${name}${at(ip)}`,
    node: ({ node, ip }) => `ノード ${node}${at(ip)}`,
    outside: ({ ip }) => ip ?? '外部のアドレス',
  },
  directions: { ingress: '受信', egress: '送信' },
  outcomes: {
    allowed: ({ source, destination, service }) =>
      `${source} から ${destination} への ${service} 通信は許可されます。`,
    audited: ({ source, destination, service }) =>
      `${source} から ${destination} への ${service} 通信は現在通りますが、監査（Audit）中のポリシーを適用（Enforce）すると拒否されます。`,
    denied: ({ source, destination, service }) =>
      `${source} から ${destination} への ${service} 通信は拒否されます。`,
  },
  reasons: {
    self: () => 'ワークロード自身への通信は、ポリシーの対象になりません。',
    'own-node': ({ subject }) =>
      `${subject} は、ヘルスチェックが届くように、自身のノードからの通信を常に受け入れます。`,
    'not-selected': () =>
      '送信元の送信も宛先の受信も制限されていないため、この通信を制限するポリシーはありません。',
    'rule-allow': ({ by, subject, direction }) => `${by} が、${subject} の${direction}として許可しています。`,
    'rule-deny': ({ by, subject, direction }) => `${by} が、${subject} の${direction}を拒否しています。`,
    isolated: ({ by, subject, direction }) =>
      `${by} が ${subject} の${direction}を制限しており、この通信を許可するルールはどのポリシーにもありません。`,
    'application-mismatch': ({ by, subject, direction }) =>
      `${by} が ${subject} の${direction}を制限しています。このポートを許可するルールはありますが、実際に使われているアプリケーションは許可されていません。`,
    'name-mismatch': ({ by, subject, direction }) =>
      `${by} が ${subject} の${direction}を制限しています。このアドレスを指す名前を許可するルールはありますが、クライアントは別の名前を要求しています。`,
    inspecting: ({ subject, direction }) =>
      `${subject} の${direction}を検査しています。内容が判定されるまで通します。`,
    'spoofed-source': () => 'パケットの送信元アドレスが、ワークロード自身のものではありません。',
    'invalid-state': () => 'カーネルの接続追跡が、このパケットを不正な状態と判定しました。',
    quarantine: ({ subject }) => `${subject} は隔離されています。`,
    malformed: () => 'パケットを読み取れませんでした。',
    'engine-error': () => 'エンジンで障害が発生したため、ポリシーで定められた動作が適用されました。',
  },
  rule: (policy, direction, number) => `${policy} の${direction}ルール ${number}`,
  policy: (kind, name) => `${kind} ${name}`,
  endings: {
    reset: '通信の両端にはリセットで知らせます。',
    respond: 'HTTP/1 には 403 で応答し、それ以外はリセットで知らせます。',
    explain: 'HTTP/1 にはルール名を付けた 403 で応答し、それ以外はリセットで知らせます。',
  },
  otherSide: {
    allow: ({ subject, direction }) => `${subject} の${direction}側では許可されます。`,
    deny: ({ by, subject, direction }) => `${subject} の${direction}側でも拒否されます（${by}）。`,
  },
  needs: {
    name: '宛先の名前',
    application: 'アプリケーション',
    http: 'HTTP リクエスト',
    grpc: 'gRPC 呼び出し',
    dns: 'DNS 問い合わせ',
    tls: 'TLS サーバー名',
    sql: 'SQL 文',
    redis: 'Redis コマンド',
    kafka: 'Kafka リクエスト',
    mongodb: 'MongoDB 操作',
  },
  spoken: application =>
    application === 'unknown'
      ? 'アプリケーションは識別できませんでした。'
      : `使われているアプリケーションは ${application} です。`,
  inspect: needs => `${needs.join('、')}が分かると、この結果は変わることがあります。`,
  expired: rule => `${rule} は一致しますが、期限が切れています。`,
  switchedOff: subject => `${subject} は保護が無効のため、選択するポリシーは適用されません。`,
  // A full-width bracket brings its own space.
  finish: sentence => sentence.replaceAll('） ', '）'),
  edits: {
    'new-policy': policy => `ルール 1 つの新しい ${policy} を追加すると、許可されます。`,
    'allow-before-deny': policy =>
      `${policy} の Deny ルールの前に Allow ルールを追加すると、通るようになります。`,
    'deny-removed': policy =>
      `${policy} の Deny ルールを削除する必要があります。このルールが止めているほかの通信も通るようになります。`,
    'policy-removed': policy =>
      `${policy} を削除する必要があります。このポリシーが止めているほかの通信も通るようになります。`,
  },
}
