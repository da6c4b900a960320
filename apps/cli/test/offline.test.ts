import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { captured } from './captured.ts'

/** `sekisho policy …` on files alone: the program itself, in this process. */
const CLUSTER = join(import.meta.dirname, 'cluster')
const FLOWS = join(CLUSTER, 'flows.json')
const foreign = (name: string): string => join(import.meta.dirname, 'foreign', `${name}.yaml`)

let scratch = ''
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'sekisho-cli-'))
})
afterAll(() => rmSync(scratch, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

function file(name: string, content: string | Uint8Array): string {
  const path = join(scratch, name)
  writeFileSync(path, content)
  return path
}

const policy = (...args: readonly string[]) => captured('policy', ...args)

/** Each verb: its arguments, exit code, what a person reads, what `-o name` prints, and a path into its JSON. */
const VERBS: readonly {
  readonly args: readonly string[]
  readonly code: number
  readonly human: string
  readonly name: string
  readonly json: readonly [path: string, value: unknown]
}[] = [
  {
    args: ['validate', '-f', join(CLUSTER, 'policies.yaml')],
    code: 0,
    human: 'NetworkPolicy/payments/db   Enforce',
    name: 'NetworkPolicy/payments/db\n',
    json: ['0.id', 'NetworkPolicy/payments/db'],
  },
  {
    args: ['lint', CLUSTER],
    code: 1,
    human: 'workloads.yaml:3:1   no-default-deny-ingress',
    name: 'no-default-deny-ingress\n',
    json: ['0.id', 'no-default-deny-ingress'],
  },
  {
    args: ['test', CLUSTER],
    code: 0,
    human: 'from shop/api to payments/db:5432 allow',
    name: 'passed from outside to payments/* deny\n',
    json: ['1.outcome', 'passed'],
  },
  {
    args: ['explain', '-f', CLUSTER, 'shop/cms', 'payments/db', '5432'],
    code: 0,
    human: 'isolates the ingress of payments/db',
    name: 'denied shop/cms payments/db\n',
    json: ['by', 'NetworkPolicy/payments/db#ingress'],
  },
  {
    args: ['simulate', '-f', CLUSTER, '--flows', FLOWS],
    code: 1,
    human: '43 connections replayed: 40 unchanged, 3 newly denied',
    name: '3\n',
    json: ['groups.0.source', 'shop/cms'],
  },
  {
    args: ['prove', '-f', CLUSTER, 'outside', 'payments/db'],
    code: 0,
    human: 'No: outside → payments/db',
    name: 'false\n',
    json: ['found', false],
  },
  {
    args: ['prove', '-f', CLUSTER, 'anything', 'payments/db'],
    code: 1,
    human: 'shop/api → payments/db:5432/TCP: allow, NetworkPolicy/payments/db#ingress[0]',
    name: 'sure\n',
    json: ['witnesses.0.ports.first', 5432],
  },
  {
    args: ['prove', '-f', CLUSTER, '--against', CLUSTER],
    code: 0,
    human: 'Equivalent: no flow is judged differently.',
    name: 'true\n',
    json: ['equivalent', true],
  },
  {
    args: ['prove', '-f', CLUSTER, '--against', CLUSTER, '--change', 'opened'],
    code: 0,
    human: 'Nothing is opened: no flow passes that did not before.',
    name: 'true\n',
    json: ['covered.complete', true],
  },
  {
    args: ['suggest', '-f', CLUSTER, '--flows', FLOWS, '-n', 'payments'],
    code: 0,
    human: 'name: learned-db',
    name: 'SecurityPolicy/payments/learned-db\n',
    json: ['policies.0.id', 'SecurityPolicy/payments/learned-db'],
  },
  {
    args: ['suggest', '-f', CLUSTER, '--flows', FLOWS, '--unused', '1'],
    code: 0,
    human: 'used',
    name: '',
    json: ['rules.0.connections', 40],
  },
  {
    args: ['convert', '-f', foreign('calico')],
    code: 0,
    human: 'sekisho.dev/imported-from: NetworkPolicy payments/db',
    name: 'SecurityPolicy/payments/db\n',
    json: ['policies.0', 'SecurityPolicy/payments/db'],
  },
]

const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((inner, key) => Object(inner)[key], value)
const named = VERBS.map(
  verb => [verb.args.slice(0, 4).join(' ').replaceAll(CLUSTER, 'cluster'), verb] as const,
)

describe.each(named)('%s', (_name, { args, code, human, name, json }) => {
  test.each(['table', 'wide'])('-o %s', async format => {
    const ended = await policy(...args, '-o', format)
    expect(ended).toMatchObject({ code, stderr: '' })
    expect(ended.stdout).toContain(human)
  })
  test.each([
    ['json', (text: string): unknown => JSON.parse(text)],
    ['yaml', (text: string): unknown => parse(text)],
  ] as const)('-o %s', async (format, read) => {
    const ended = await policy(...args, '-o', format)
    expect(ended).toMatchObject({ code, stderr: '' })
    expect(at(read(ended.stdout), json[0])).toEqual(json[1])
  })
  test('-o name', async () => {
    const ended = await policy(...args, '-o', 'name')
    expect(ended.code).toBe(code)
    expect(ended.stdout).toContain(name)
  })
})

describe('rules that nothing came to', () => {
  const spare = (made = ''): string =>
    file(
      'spare.yaml',
      `${readFileSync(join(CLUSTER, 'policies.yaml'), 'utf8').replace('namespace: payments', `namespace: payments${made}`)}
    - from: [{ podSelector: { matchLabels: { app: backup } } }]
`,
    )
  const flows = (first: string): string =>
    file('long.json', readFileSync(FLOWS, 'utf8').replaceAll('"2026-11-22T10:00:00.000Z"', `"${first}"`))
  const asked = (path: string, ...more: readonly string[]) =>
    policy('suggest', '-f', path, '-f', join(CLUSTER, 'workloads.yaml'), '--unused', '30', '--flows', ...more)
  const rule = 'NetworkPolicy/payments/db#ingress[1]'

  test('are named, and the policy without them is valid', async () => {
    const long = flows('2026-10-01T10:00:00.000Z')
    expect(await asked(spare(), long, '-o', 'name')).toMatchObject({ code: 1, stdout: `${rule}\n` })
    const { code, stdout } = await asked(spare(), long, '--lang', 'ja')
    expect([code, stdout.split('\n')[1]]).toEqual([1, expect.stringContaining('30 日間接続なし')])
    const shown: unknown = JSON.parse((await asked(spare(), long, '-o', 'json')).stdout)
    const left = file('left.yaml', String(at(shown, 'yaml')))
    expect(await asked(left, long, '-o', 'name')).toMatchObject({ code: 0, stdout: '\n' })
    expect(await policy('validate', '-f', left)).toMatchObject({ code: 0 })
  })

  test.each([
    ['flows of an hour', '', '2026-11-22T10:00:00.000Z'],
    [
      'a policy made within the time',
      ', creationTimestamp: "2026-11-20T00:00:00Z"',
      '2026-10-01T10:00:00.000Z',
    ],
  ])('are not named after %s', async (_name, made, first) => {
    const { code, stdout } = await asked(spare(made), flows(first))
    expect([code, stdout]).toEqual([0, expect.stringContaining('not seen long enough')])
  })

  test.each(['0', 'x', '5000'])('not for %s days', async days => {
    expect(await policy('suggest', '-f', CLUSTER, '--flows', FLOWS, '--unused', days)).toMatchObject({
      code: 2,
    })
  })
})

describe('formats for other programs', () => {
  test('lint --sarif: file, line, rule and level of each finding', async () => {
    const { code, stdout } = await policy('lint', CLUSTER, '--sarif')
    const sarif: unknown = JSON.parse(stdout)
    expect(code).toBe(1)
    expect(at(sarif, 'version')).toBe('2.1.0')
    expect(at(sarif, 'runs.0.results.0')).toMatchObject({
      ruleId: 'no-default-deny-ingress',
      level: 'warning',
      locations: [{ physicalLocation: { region: { startLine: 3 } } }],
    })
  })

  const failing = () =>
    file(
      'expect.yaml',
      'apiVersion: sekisho.dev/v1alpha1\nkind: PolicyTest\nexpect:\n  - from shop/cms to payments/db:5432 allow\n',
    )
  test('test --tap and --junit say which expectation failed, and where it stands', async () => {
    const tap = await policy('test', CLUSTER, failing(), '--tap')
    expect(tap.code).toBe(1)
    expect(tap.stdout).toMatch(/^TAP version 14\n1\.\.3\n/)
    expect(tap.stdout).toContain('not ok 3 - from shop/cms to payments/db:5432 allow\n')
    expect(tap.stdout).toContain('expect.yaml:4')
    const junit = await policy('test', CLUSTER, failing(), '--junit')
    expect(junit.code).toBe(1)
    expect(junit.stdout).toContain('tests="3" failures="1"')
  })

  test('lint fails from the severity on that is asked for', async () => {
    expect((await policy('lint', CLUSTER, '--fail-on', 'error')).code).toBe(0)
    expect((await policy('lint', CLUSTER, '--fail-on', 'note')).code).toBe(1)
  })

  test('flows of a stream, one object a line, are the same flows', async () => {
    const lines = (JSON.parse(readFileSync(FLOWS, 'utf8')) as unknown[]).map(flow => JSON.stringify(flow))
    const ended = await policy('simulate', '-f', CLUSTER, '--flows', file('flows.ndjson', lines.join('\n')))
    expect(ended.stdout).toContain('43 connections replayed: 40 unchanged, 3 newly denied')
  })

  test('flows are judged by what is spoken, and what depends on requests is counted apart', async () => {
    const [first, second] = JSON.parse(readFileSync(FLOWS, 'utf8')) as object[]
    const spoken = [
      { ...first, application: 'postgresql' },
      { ...second, application: 'ssh' },
    ]
    const replay = (rule: string) => {
      const asks = file(
        'asks.yaml',
        `{ apiVersion: sekisho.dev/v1alpha1, kind: SecurityPolicy, metadata: { namespace: payments, name: db },
           spec: { mode: Enforce, subject: { podSelector: {} }, ingress: [{ ${rule} }] } }`,
      )
      const flows = file('spoken.json', JSON.stringify(spoken))
      return policy('simulate', '-f', join(CLUSTER, 'workloads.yaml'), '-f', asks, '--flows', flows)
    }
    expect((await replay('applications: [postgresql]')).stdout).toMatch(/3 newly denied/)
    expect((await replay('l7: [{ sql: { statements: [select] } }]')).stdout).toMatch(
      /40 depend on what is asked/,
    )
  })

  test('explain and its smallest change, in Japanese', async () => {
    const ended = await policy('explain', '-f', CLUSTER, 'shop/cms', 'payments/db', '5432', '--lang', 'ja')
    expect(ended.stdout).toContain('許可するための最小の変更:')
    expect(ended.stdout).toContain('受信  NetworkPolicy/payments/db (Enforce): 一致するルールなし')
    expect(ended.stdout).toContain('kind: SecurityPolicy')
  })
})

describe('machines outside of the cluster', () => {
  const machine = (address: string) => `
apiVersion: sekisho.dev/v1alpha1
kind: ExternalWorkload
metadata: { name: mainframe, namespace: payments, labels: { app: db } }
spec: { addresses: [${address}], ports: [{ name: postgresql, port: 5432 }], node: mainframe-1 }
`
  const files = (address: string) => ['-f', CLUSTER, '-f', file('machine.yaml', machine(address))]

  test('are selected by policies as pods are', async () => {
    expect(
      await policy('validate', '-f', file('machine.yaml', machine('10.20.0.7')), '-o', 'name'),
    ).toMatchObject({
      code: 0,
      stdout: 'external:payments/mainframe\n',
    })
    const explained = (from: string) =>
      policy('explain', ...files('10.20.0.7'), from, 'payments/mainframe', '5432', '-o', 'name')
    expect((await explained('shop/api')).stdout).toBe('allowed shop/api payments/mainframe\n')
    expect((await explained('shop/cms')).stdout).toBe('denied shop/cms payments/mainframe\n')
    expect(await policy('prove', ...files('10.20.0.7'), 'outside', 'payments/mainframe')).toMatchObject({
      code: 0,
    })
    const linted = await policy('lint', CLUSTER, file('machine.yaml', machine('10.20.0.7')))
    expect(linted.stderr).toBe('')
  })

  test('are refused with file, line and path', async () => {
    const wrong = ['10.20.0.0/24', 'must be one address; a block belongs into an ipBlock'] as const
    for (const args of [
      ['validate', '-f', file('machine.yaml', machine(wrong[0]))],
      ['explain', ...files(wrong[0]), 'shop/api', 'payments/mainframe', '5432'],
    ]) {
      const ended = await policy(...args)
      expect(ended.code).toBe(1)
      expect(ended.stdout + ended.stderr).toMatch(
        new RegExp(`machine\\.yaml:5:21: document 1, spec\\.addresses\\[0\\]: ${wrong[1]}`),
      )
    }
  })
})

describe('convert', () => {
  test.each([
    ['calico', 'SecurityPolicy/payments/db'],
    ['cilium', 'SecurityPolicy/payments/db'],
    ['admin', 'ClusterNetworkPolicy//db'],
    ['neuvector', 'SecurityPolicy/payments/nv.db.payments'],
  ])('%s', async (product, id) => {
    const args = ['convert', '-f', foreign(product), '--workloads', join(CLUSTER, 'workloads.yaml')]
    const ended = await policy(...args, '-o', 'name')
    expect(ended).toMatchObject({ code: 0, stdout: `${id}\n` })
    expect(ended.stderr).toMatch(/^(note: .+\n)?$/)
    const { stdout } = await policy(...args)
    expect(await policy('validate', '-f', file('converted.yaml', stdout), '-o', 'name')).toMatchObject({
      code: 0,
      stdout: `${id}\n`,
    })
  })

  test('what has no translation is refused with file, line, path and reason, and nothing of its document is left', async () => {
    const ended = await policy('convert', '-f', foreign('refused'))
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(
      /^refused: .*refused\.yaml:10:11: document 1, spec\.ingress\[0\]\.toPorts\[0\]\.listener: .+\n$/,
    )
    const { stdout } = await policy('convert', '-f', foreign('refused'), '-o', 'json')
    expect(at(JSON.parse(stdout), 'refused.0.at.line')).toBe(10)
  })

  test('to plain NetworkPolicies, with what is lost', async () => {
    const plain = await policy('convert', '-f', foreign('cilium'), '--to', 'networkpolicy')
    expect(plain).toMatchObject({ code: 0, stderr: '' })
    expect(plain.stdout).toMatch(/^apiVersion: networking\.k8s\.io\/v1\nkind: NetworkPolicy\n/)
    const lost = await policy('convert', '-f', foreign('admin'), '--to', 'networkpolicy')
    expect(lost).toMatchObject({ code: 1, stdout: '' })
    expect(lost.stderr).toMatch(/^lost: ClusterNetworkPolicy\/\/db .+ \(the policy is left out\)\n/)
  })
})

const POLICY = (spec: string) =>
  `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: b}\nspec:\n  ${spec}\n`

/** A file, and where and why it is refused by every verb that reads policies. */
const BAD: readonly (readonly [name: string, content: string | Uint8Array, refusal: RegExp])[] = [
  ['cut off', 'kind: [', /bad\.yaml:1:\d+: document 1,.* .+/],
  ['a slip in its kind', POLICY('{}').replace('Policy', 'Polcy'), /bad\.yaml:2:1: document 1, kind: .+/],
  ['an unknown field', POLICY('podSelectr: {}'), /bad\.yaml:5:3: document 1, spec\.podSelectr: .+/],
  [
    'a wrong CIDR',
    POLICY('{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/33}}]}]}'),
    /bad\.yaml:5:\d+: document 1, spec\.ingress\[0\]\.from\[0\]\.ipBlock\.cidr: .+/,
  ],
  [
    'a range backwards',
    POLICY('{podSelector: {}, ingress: [{ports: [{port: 90, endPort: 80}]}]}'),
    /bad\.yaml:5:\d+: document 1, spec\.ingress\[0\]\.ports\[0\]\.endPort: .+/,
  ],
  [
    'a selector that does not parse',
    POLICY('{podSelector: {matchLabels: {"a b": c}}}'),
    /bad\.yaml:5:\d+: document 1, spec\.podSelector\.matchLabels.*: .+/,
  ],
  ['not UTF-8', new Uint8Array([0x6b, 0xff]), /bad\.yaml is not text in UTF-8/],
  ['too large', '#'.repeat(1_048_577), /bad\.yaml is larger than 1048576 bytes/],
]
const READERS: readonly (readonly string[])[] = [
  ['validate', '-f'],
  ['lint', '-f'],
  ['test', '-f'],
  ['explain', 'a', 'b', '80', '-f'],
  ['prove', 'outside', 'b/*', '-f'],
  ['simulate', '--flows', FLOWS, '-f'],
  ['suggest', '--flows', FLOWS, '-f'],
  ['convert', '-f'],
]

describe.each(BAD)('a file that is bad: %s', (_name, content, refusal) => {
  test.each(READERS)('is refused by %s', async (...args) => {
    const ended = await policy(...args, file('bad.yaml', content))
    expect(ended.code).toBe(1)
    // `validate` is asked for the mistakes: they are its output. The others have none.
    expect(args[0] === 'validate' ? ended.stdout + ended.stderr : ended.stderr).toMatch(refusal)
    if (args[0] !== 'validate') expect(ended.stdout).toBe('')
    expect(ended.stderr).not.toContain('    at ')
  })
})

test('files without any object are refused', async () => {
  const path = file('values.yaml', 'replicas: 3\n')
  const ended = await policy('lint', path)
  expect(ended).toMatchObject({ code: 1, stdout: '' })
  expect(ended.stderr).toContain(`${path}: no object with an apiVersion and a kind is there`)
})

const PROGRAM = `
import { connect, space } from '@sekisho/policy'
const shop = space('shop', { web: { labels: { app: 'web' } }, api: { labels: { app: 'api' }, ports: { grpc: 9000 } } })
export default { spaces: [shop], connections: [connect(shop.apps.web, shop.apps.api, 'grpc')] }
`
const APPS = ['web', 'api']
  .map(
    app =>
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${app}, namespace: shop}\nspec: {template: {metadata: {labels: {app: ${app}}}}}\n`,
  )
  .join('---\n')

let programs = 0
describe('policies as code', () => {
  test('are read by every verb where the program is named, and imports of ours need no installation', async () => {
    const [program, apps] = [file('cluster.ts', PROGRAM), file('apps.yaml', APPS)]
    const rendered = await policy('render', program)
    expect(rendered).toMatchObject({ code: 0, stderr: '' })
    expect(rendered.stdout).toContain('port: 9000')
    const proved = await policy('prove', '-f', program, '-f', apps, 'shop/web', 'shop/api:9000', '-o', 'json')
    expect(proved).toMatchObject({ code: 1, stderr: '' })
    const denied = await policy('prove', '-f', program, '-f', apps, 'shop/api', 'shop/web')
    expect(denied).toMatchObject({ code: 0, stderr: '' })
  })

  test('are not run where a folder holds them', async () => {
    const path = file('bomb.ts', 'throw new Error("was run")')
    const ended = await policy('lint', join(path, '..'))
    expect(ended.stderr).not.toContain('was run')
  })

  test.each([
    ['that does not build', 'export default {', /program\d\.ts: .+/],
    ['that throws', 'throw new Error("no such app")', /program\d\.ts: no such app/],
    ['without the export', 'export const a = 1', /must export default/],
    ['whose policy is refused', PROGRAM.replaceAll("'shop'", "'Shop'"), /program\d\.ts: .*lower-case/],
  ])('one %s is refused', async (_name, content, refusal) => {
    // A module is loaded once for each name.
    const path = file(`program${programs++}.ts`, content)
    const ended = await policy('lint', path)
    expect(ended.code).toBeGreaterThan(0)
    expect(ended.stdout).toBe('')
    expect(ended.stderr).toMatch(refusal)
    expect(ended.stderr).not.toContain('    at ')
  })
})

test('a folder too large, or not readable throughout, is refused', async () => {
  const ended = await policy('lint', '/')
  expect(ended).toMatchObject({ code: 2, stdout: '' })
  expect(ended.stderr).toMatch(/^sekisho: \/( holds more than|: E[A-Z]+:) /)
})

test.each<[string, string, RegExp]>([
  ['no JSON', '[{', /flows is not JSON: .+/],
  ['no JSON in a line', '{}x', /flows, line 1 is not JSON: .+/],
  ['another thing', '[1]', /flows, item 1: source\.kind must be workload or external/],
  ['a wrong time', '', /flows, item 1: first must be a time/],
])('flows that are bad: %s', async (_name, content, refusal) => {
  const [flow] = JSON.parse(readFileSync(FLOWS, 'utf8')) as object[]
  const path = file('flows', content || JSON.stringify([{ ...flow, first: 'yesterday' }]))
  for (const verb of ['simulate', 'suggest']) {
    const ended = await policy(verb, '-f', CLUSTER, '--flows', path)
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(refusal)
  }
})

test.each([
  ['lint'],
  ['lint', '/nonexistent'],
  ['lint', CLUSTER, '--fail-on', 'blue'],
  ['test', join(CLUSTER, 'policies.yaml')],
  ['explain', '-f', CLUSTER, 'shop/api', 'payments/db'],
  ['explain', '-f', CLUSTER, 'shop/nobody', 'payments/db', '80'],
  ['explain', '-f', CLUSTER, 'shop/api', 'payments/db', '80-90'],
  ['prove', '-f', CLUSTER, 'outside'],
  ['prove', '-f', CLUSTER, '--against', CLUSTER, '--change', 'wider'],
  ['prove', '-f', CLUSTER, 'nowhere/x', 'payments/db'],
  ['prove', '-f', CLUSTER, 'a b', 'payments/db'],
  ['simulate', '-f', CLUSTER, '--flows', '/nonexistent'],
  ['suggest', '-f', CLUSTER, '--flows', FLOWS, '--kind', 'Thing'],
  ['render', join(CLUSTER, 'policies.yaml')],
  ['render', '/nonexistent.ts'],
  ['convert', '-f', foreign('calico'), '--to', 'iptables'],
  ['convert', '-f', foreign('calico'), '-f', foreign('cilium')],
  ['validate', '-f', '/'],
  ['nonsense'],
])('wrong usage ends with 2 and says what is right: %s %s', async (...args) => {
  const ended = await policy(...args)
  expect(ended).toMatchObject({ code: 2, stdout: '' })
  expect(ended.stderr).toMatch(/^sekisho: .+\nUsage:\n {2}sekisho policy /)
})
