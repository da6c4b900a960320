import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { namespace, workloadId } from '@sekisho/core'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { validatePolicy } from '@sekisho/policy'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { SHOP, workloadOf } from '../dataplane/node.ts'
import { NamingNode } from './naming-node.ts'
import { askResolver, forgetResolver, serveNames, serveSite, type Zone } from './sites.ts'

const run = promisify(execFile)

function policy(name: string, egress: readonly unknown[]) {
  const read = validatePolicy({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: 'SecurityPolicy',
    metadata: { namespace: 'shop', name },
    spec: { subject: { podSelector: { matchLabels: { app: 'web' } } }, mode: 'Enforce', egress },
  })
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return read.value
}
const toNames = (...names: readonly string[]) => names.map(fqdn => ({ fqdn }))
/** New addresses behind new names, so that each first connection is one to an address that was not known. */
const FRESH = 40
/** Of those only the last is asked for over TCP, and one more address has no name. */
const OVER_TCP = FRESH + 1
/** Bytes: more than can be on the way from a server that sends a thousand in a second. */
const SLOWLY = 2_500

describeAsRoot('destinations by name', () => {
  let node: NamingNode
  const programs: Disposable[] = []
  const pod = (name: string) => node.topology.pod(name)

  beforeAll(async () => {
    node = new NamingNode(`f${process.pid}`, ['web', 'dns', 'rogue', 'site', 'other'])
    const [site, other] = [pod('site'), pod('other')]
    const fresh = await giveAddresses()
    const zone: Zone = {
      'api.example.com': site.addresses,
      'stranger.test': site.addresses,
      '*.wild.example.com': site.addresses,
      'edge.cdn.test': site.addresses,
      'www.example.net': 'edge.cdn.test',
      'blocked.example.org': other.addresses,
      'fine.example.org': other.addresses,
      ...fresh,
    }
    programs.push(
      serveNames(pod('dns'), zone),
      serveNames(pod('rogue'), { 'api.example.com': other.addresses }),
      serveSite(site),
      serveSite(other),
    )
    askResolver(pod('web'), pod('dns').addresses[0])
    const dns = workloadOf(pod('dns'), {
      id: workloadId('pod', 'kube-system', 'dns'),
      namespace: 'kube-system',
      labels: { 'k8s-app': 'kube-dns' },
    })
    // What is in no list of workloads is outside: there are the sites.
    await node.open({
      namespaces: { set: [SHOP, namespace('kube-system')] },
      workloads: { set: [workloadOf(pod('web')), workloadOf(pod('rogue')), dns] },
      policies: {
        set: [
          policy('names', [
            {
              to: [{ entity: 'dns' }, { podSelector: { matchLabels: { app: 'rogue' } } }],
              ports: [
                { protocol: 'UDP', port: 53 },
                { protocol: 'TCP', port: 53 },
              ],
            },
            {
              to: toNames('api.example.com', '*.wild.example.com', 'www.example.net', '*.fresh.example.com'),
              ports: [{ port: 80 }, { port: 443 }, { port: 9000 }],
            },
            {
              to: other.addresses.map(ip => ({ ipBlock: { cidr: `${ip}/${ip.includes(':') ? 128 : 32}` } })),
            },
          ]),
          policy('blocked', [{ action: 'Deny', to: toNames('blocked.example.org') }]),
        ],
      },
    })
    await vi.waitFor(async () => expect(await resolve('api.example.com')).toHaveLength(2))
    await vi.waitFor(async () => expect(await get('http://api.example.com')).toBe('http api.example.com'))
  })
  afterAll(async () => {
    forgetResolver(pod('web'))
    for (const program of programs) program[Symbol.dispose]()
    await node?.[Symbol.asyncDispose]()
  })
  beforeEach(() => {
    node.denials.length = 0
  })

  const inWeb = (...command: readonly string[]) => run('ip', ['netns', 'exec', pod('web').netns, ...command])
  /** What a server says to one request; `-4` or `-6` picks the family. */
  async function get(url: string, ...options: readonly string[]): Promise<string> {
    const { stdout } = await inWeb('curl', '-sSk', '-m', '20', ...options, url)
    return stdout.trim()
  }
  /** Tries for a short while only: it is not to succeed. */
  const isDenied = async (url: string, ...options: readonly string[]) =>
    expect(get(url, '-m', '2', ...options)).rejects.toMatchObject({ stdout: '' })
  /** Addresses, as programs of the client get them. */
  async function resolve(name: string): Promise<readonly string[]> {
    const { stdout } = await inWeb('getent', 'ahosts', name)
    return [
      ...new Set(
        stdout
          .trim()
          .split('\n')
          .map(line => line.split(' ')[0] ?? ''),
      ),
    ]
  }
  async function giveAddresses(): Promise<Zone> {
    const zone: Record<string, [string, string]> = {}
    for (let i = 1; i <= OVER_TCP; i++) {
      const both: [string, string] = [`10.77.0.${i}`, `fd77::${i.toString(16)}`]
      for (const ip of both) await run('ip', ['-n', pod('site').netns, 'addr', 'add', ip, 'dev', 'lo'])
      zone[`n${i}.fresh.example.com`] = both
    }
    const to = ['dev', pod('site').interface]
    const [ip4, ip6] = pod('site').addresses
    await run('ip', ['-n', node.topology.node, 'route', 'add', '10.77.0.0/24', 'via', ip4, ...to, 'onlink'])
    await run('ip', [
      '-n',
      node.topology.node,
      '-6',
      'route',
      'add',
      'fd77::/64',
      'via',
      ip6,
      ...to,
      'onlink',
    ])
    return zone
  }
  const reasons = () => new Set(node.denials)

  describe.each(['-4', '-6'])('with %s', family => {
    test.each(['http', 'https'])(
      '%s: a name, an ending, and what a chain of names leads to',
      async scheme => {
        for (const name of [
          'api.example.com',
          'a.wild.example.com',
          'b.c.wild.example.com',
          'www.example.net',
        ])
          expect(await get(`${scheme}://${name}`, family)).toBe(`${scheme} ${name}`)
        expect(node.denials).toEqual([])
      },
    )

    test.each(['http', 'https'])(
      '%s: another name behind the same address is denied by what is said',
      async scheme => {
        expect(await get(`${scheme}://api.example.com`, family)).toBe(`${scheme} api.example.com`)
        await isDenied(`${scheme}://stranger.test`, family)
        await vi.waitFor(() => expect(reasons()).toEqual(new Set(['name-mismatch'])))
      },
    )

    test('what is denied by name is denied, and its neighbour is not', async () => {
      expect(await get('https://fine.example.org', family)).toBe('https fine.example.org')
      await isDenied('https://blocked.example.org', family)
      await vi.waitFor(() => expect(reasons()).toEqual(new Set(['rule-deny'])))
      expect(await get('https://fine.example.org', family)).toBe('https fine.example.org')
    })
  })

  test('the first connection after an answer passes, also to addresses that nobody knew', async () => {
    const { denied } = await node.counted()
    for (let i = 1; i <= FRESH; i++) {
      const name = `n${i}.fresh.example.com`
      expect(await get(`http://${name}`, i % 2 === 0 ? '-4' : '-6')).toBe(`http ${name}`)
    }
    expect(node.denials).toEqual([])
    expect(await node.counted()).toMatchObject({ denied })
    expect(node.book.namesOf('10.77.0.1')).toEqual(['n1.fresh.example.com'])
  })

  test('answers over TCP count as well', async () => {
    askResolver(pod('web'), pod('dns').addresses[0], 'TCP')
    const name = `n${OVER_TCP}.fresh.example.com`
    const { denied } = await node.counted()
    expect(await get(`https://${name}`)).toBe(`https ${name}`)
    expect(await node.counted()).toMatchObject({ denied })
    askResolver(pod('web'), pod('dns').addresses[0])
  })

  test('an answer of another server than the configured ones names nothing', async () => {
    askResolver(pod('web'), pod('rogue').addresses[0])
    expect(await resolve('api.example.com')).toEqual(expect.arrayContaining([...pod('other').addresses]))
    askResolver(pod('web'), pod('dns').addresses[0])
    expect(pod('other').addresses.flatMap(ip => node.book.namesOf(ip))).not.toContain('api.example.com')
  })

  test('what was known before a restart is known after it', async () => {
    const [ip4] = pod('site').addresses
    await node.restart()
    expect(await get('https://api.example.com', '--resolve', `api.example.com:443:${ip4}`)).toBe(
      'https api.example.com',
    )
  })

  test.each([
    ['http', 80],
    ['https', 443],
  ])('%s: a connection outlives the time of its name; what begins later does not', async (scheme, port) => {
    const [ip4] = pod('site').addresses
    const url = `${scheme}://api.example.com`
    const pinned = ['--resolve', `api.example.com:${port}:${ip4}`]
    await resolve('api.example.com')
    const slow = spawn('ip', ['netns', 'exec', pod('web').netns, 'curl', '-skN', ...pinned, `${url}/slow`])
    let received = 0
    slow.stdout.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    await vi.waitFor(() => expect(received).toBeGreaterThan(0))
    node.skip(3_600)
    await node.names.sweep()
    await node.touch()
    const before = received
    await vi.waitFor(() => expect(received).toBeGreaterThan(before + SLOWLY))
    slow.kill()
    await vi.waitFor(async () => {
      await node.forgetConnections()
      await node.names.sweep()
      expect(node.book.namesOf(ip4)).toEqual([])
    })
    await isDenied(url, ...pinned)
    expect(await get(url, '-4')).toBe(`${scheme} api.example.com`)
  })

  test('an address to which no name led is denied by the kernel alone', async () => {
    const before = await node.counted()
    await isDenied(`http://10.77.0.${OVER_TCP + 1}`)
    const after = await node.counted()
    expect(after.denied).toBeGreaterThan(before.denied)
    expect(after.queued).toBe(before.queued)
  })

  // The last one: nobody reads after it.
  test('where nobody reads, names are resolved, and rules that fail closed allow nothing', async () => {
    await node.leave()
    expect(await resolve('api.example.com')).toHaveLength(2)
    await isDenied('http://api.example.com')
  })
})
