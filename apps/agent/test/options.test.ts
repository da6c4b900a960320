import { describe, expect, test } from 'vitest'
import { parseCommand, UsageError } from '../src/options.ts'
import { exposition, type LocalStatus } from '../src/report/exposition.ts'

const SERVER = ['--server', 'https://127.0.0.1:7444']

describe('the command line', () => {
  test('everything', () => {
    const args = [
      '--join-token',
      'T',
      '--state',
      '/s',
      '--node',
      'n1',
      '--netns',
      'lab',
      '--workloads',
      '/w.json',
    ]
    const flags = [
      '--containers',
      '--systemd',
      '--identify',
      'all',
      '--no-inspection',
      '--resolvers',
      '192.0.2.53,2001:DB8::53',
      '--expired-names',
      'cut',
      '--domain-lists',
      '/etc/sekisho/lists',
      '--metrics',
      '127.0.0.1:9100',
    ]
    expect(parseCommand([...SERVER, ...args, ...flags], {})).toEqual({
      kind: 'run',
      server: new URL('https://127.0.0.1:7444'),
      join: { kind: 'token', token: 'T' },
      state: '/s',
      node: 'n1',
      netns: 'lab',
      workloads: '/w.json',
      containers: true,
      systemd: true,
      identify: 'all',
      inspection: false,
      resolvers: ['192.0.2.53', '2001:db8::53'],
      expiredNames: 'cut',
      domainLists: '/etc/sekisho/lists',
      metrics: { host: '127.0.0.1', port: 9100 },
    })
  })

  test('what a privileged container does for the agent', () => {
    expect(parseCommand(['prepare', '--netns', 'n'], {})).toEqual({ kind: 'prepare', netns: 'n' })
  })

  test('secrets may come from the environment, where other users do not see them', () => {
    const environment = { SEKISHO_AGENT_SERVER: 'https://s', SEKISHO_JOIN_TOKEN: 'T' }
    expect(parseCommand(['--node', 'n1'], environment)).toMatchObject({
      join: { kind: 'token', token: 'T' },
    })
  })

  test('a pod joins by the files of its volumes', () => {
    const files = ['--join-service-account', '/token', '--authority', '/ca.pem']
    expect(parseCommand([...SERVER, ...files], {})).toMatchObject({
      join: { kind: 'service-account', token: '/token', authority: '/ca.pem' },
    })
  })

  test('pods wait by the runtime’s own interface as they would by the network’s', () => {
    const gate = {
      directory: '/run/sekisho/cni',
      fallback: 'open',
      waitSeconds: 10,
      exempt: ['kube-system', 'sekisho'],
    }
    const nri = { ...gate, socket: '/nri.sock' }
    expect(parseCommand([...SERVER, '--nri=/nri.sock', '--cni-fallback=open'], {})).toMatchObject({
      nri,
      cni: undefined,
    })
  })

  test('a folder of networks is one that the plugin is in, or out of', () => {
    const folder = ['--cni-config', '/net.d']
    const plugins = '/opt/cni/bin'
    expect(parseCommand([...SERVER, ...folder], {})).toMatchObject({
      cni: { config: '/net.d', plugins },
      unchained: undefined,
    })
    const off = { cni: undefined, unchained: '/net.d' }
    expect(parseCommand([...SERVER, ...folder, '--cni=off'], {})).toMatchObject(off)
    const nri = { socket: '/nri.sock' }
    expect(parseCommand([...SERVER, ...folder, '--cni=off', '--nri=/nri.sock'], {})).toMatchObject({
      ...off,
      nri,
    })
  })

  test.each([
    [[], '/etc/cni/net.d'],
    [['--cni-config', '/net.d'], '/net.d'],
    [['--netns', 'n'], undefined],
    [['--netns', 'n', '--cni-config', '/net.d'], '/net.d'],
  ])('uninstall %j takes the plugin out of %s', (args, cniConfig) => {
    expect(parseCommand(['uninstall', ...args], {})).toMatchObject({ kind: 'uninstall', cniConfig })
  })

  test.each<[string[], string]>([
    [[...SERVER, '--authority', 'f'], 'need each other'],
    [[...SERVER, '--cni', 'off'], '--cni off needs --cni-config'],
    [[...SERVER, '--cni', 'out', '--cni-config', '/net.d'], '--cni must be'],
    [[...SERVER, '--join-service-account', 'f'], 'need each other'],
    [[...SERVER, '--join-service-account', 'f', '--authority', 'f', '--join-token', 't'], 'exclude'],
    [[], '--server is missing'],
    [['--server', 'http://127.0.0.1'], 'https'],
    [['--server', 'nonsense'], 'https'],
    [[...SERVER, '--node', '../n'], '--node'],
    [[...SERVER, '--metrics', '0.0.0.0:9100'], 'loopback'],
    [[...SERVER, '--metrics', '127.0.0.1:99999'], 'loopback'],
    [[...SERVER, '--speed', '9'], '--speed'],
    [[...SERVER, '--identify', 'some'], '--identify'],
    [[...SERVER, '--nri', '/nri.sock', '--cni-config', '/net.d'], 'exclude each other'],
    [[...SERVER, '--nri', '/nri.sock', '--cni-fallback', 'ajar'], '--cni-fallback'],
    [['dance'], 'unknown command: dance'],
    [['status', 'now'], 'unexpected: now'],
  ])('%j is refused: %s', (args, reason) => {
    expect(() => parseCommand(args, {})).toThrow(UsageError)
    expect(() => parseCommand(args, {})).toThrow(reason)
  })
})

test('the exposition is what Prometheus reads', () => {
  const status = {
    enforcing: true,
    revision: 7,
    programMs: { p50: 0.5, p99: 4 },
    ledger: { 'odd "reason"\\\n': 2 },
    degraded: ['x'],
    server: { connected: false },
    spool: { bytes: 10 },
    nri: { connected: true },
  } as unknown as LocalStatus // the fields that are read below
  const lines = exposition(status).split('\n')
  expect(lines).toContain('sekisho_agent_enforcing 1')
  expect(lines).toContain('sekisho_agent_nri_connected 1')
  expect(lines).toContain('sekisho_agent_program_seconds{quantile="0.99"} 0.004')
  expect(lines).toContain('sekisho_agent_unseen_total{reason="odd \\"reason\\"\\\\\\n"} 2')
  expect(lines.filter(line => !/^(?:#.*|[a-z_]+(?:\{.*\})? [\d.]+|[a-z_]+ undefined|)$/.test(line))).toEqual(
    [],
  )
})
