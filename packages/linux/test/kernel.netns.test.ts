import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import {
  type ConntrackEvent,
  createNetns,
  deleteNetns,
  eachConntrackEvent,
  enableAccounting,
  getSysctl,
  hostNetns,
  type LoggedPacket,
  links,
  listNetns,
  type Nftables,
  NftError,
  openConntrack,
  openNetns,
  openNflog,
  openNftables,
  parsePacket,
  setSysctl,
  watchLinks,
} from '../src/index.ts'
import { receiveOn } from '../src/netlink/receiver.ts'
import { ReceiveRing } from '../src/netlink/ring.ts'
import { NETLINK, NetlinkSocket } from '../src/netlink/socket.ts'
import { describeAsRoot } from './privilege.ts'

const NAME = `lx${process.pid}`
const PORT = 8000
/** Connection tracking runs in a namespace only while some rule asks for it. */
const RULES = `
table inet sekisho_test {
  counter opened { }
  chain out {
    type filter hook output priority filter; policy accept;
    ct state new counter name opened log prefix "new " group 7
  }
}`

const inside = (...command: readonly string[]) => ['netns', 'exec', NAME, ...command]

/** An echo server in the namespace; resolves when it accepts connections. */
async function echoServer(): Promise<Disposable> {
  const server = spawn('ip', inside('ncat', '-lk', String(PORT), '-c', 'cat'), { stdio: 'ignore' })
  await vi.waitFor(() => {
    const listening = openNetns(NAME).run(() => readFileSync('/proc/thread-self/net/tcp6', 'utf8'))
    expect(listening).toContain(`:${PORT.toString(16).toUpperCase()} `)
  })
  return { [Symbol.dispose]: () => void server.kill() }
}

function exchange(ip: string): void {
  const script = `exec 3<>/dev/tcp/${ip}/${PORT}; echo hello >&3; read -u 3 line; [ "$line" = hello ]`
  expect(spawnSync('ip', inside('bash', '-c', script)).status).toBe(0)
}

let nextPort = 10_000
/** So many new UDP conversations; blocks this thread, as a busy main thread would. */
function burst(count: number): void {
  const first = nextPort
  nextPort += count
  const script = `for ((i = 0; i < ${count}; i++)); do echo x > /dev/udp/127.0.0.1/$((${first} + i)); done`
  spawnSync('ip', inside('bash', '-c', script))
}

function tally() {
  const count = {
    events: 0,
    drops: 0,
    seen() {
      count.events++
    },
    lost(drops: number) {
      count.drops += drops
    },
  }
  return count
}

describeAsRoot('the kernel', () => {
  let nft: Nftables
  const opened: Disposable[] = []
  const keep = <T extends Disposable>(resource: T): T => {
    opened.push(resource)
    return resource
  }

  beforeAll(async () => {
    createNetns(NAME)[Symbol.dispose]()
    execFileSync('ip', ['-n', NAME, 'link', 'set', 'lo', 'up'])
    nft = openNftables({ netns: NAME })
    await nft.run(RULES)
    enableAccounting(NAME)
  })
  afterEach(() => {
    for (const resource of opened.splice(0)) resource[Symbol.dispose]()
  })
  afterAll(async () => {
    await nft[Symbol.asyncDispose]()
    deleteNetns(NAME)
    expect(listNetns()).not.toContain(NAME)
  })

  test('a thread comes back from a namespace, also after an exception', () => {
    const own = () => readlinkSync('/proc/thread-self/ns/net')
    const home = own()
    using netns = openNetns(NAME)
    expect(netns.run(own)).toBe(`net:[${netns.inode}]`)
    expect(() => netns.run(() => expect.fail('inside'))).toThrow('inside')
    expect(() => netns.run(() => Promise.resolve())).toThrow(TypeError)
    expect(own()).toBe(home)
    using host = hostNetns()
    expect(host.inode).not.toBe(netns.inode)
  })

  test('a namespace that is not there is an error, and a file that is none as well', () => {
    expect(() => openNetns('sekisho-no-such-namespace')).toThrow('ENOENT')
    expect(() => openNetns('/dev/null').run(() => undefined)).toThrow('EINVAL')
    expect(() => createNetns('../escape')).toThrow(TypeError)
    expect(() => createNetns(NAME)).toThrow('EEXIST')
  })

  test.each(['127.0.0.1', '::1'])(
    'a real connection over %s is seen from start to end, with bytes',
    async ip => {
      const events: ConntrackEvent[] = []
      const lost = vi.fn()
      const conntrack = keep(
        openConntrack({ netns: NAME, onEvent: event => events.push(event), onLost: lost }),
      )
      using _server = await echoServer()
      setSysctl(NAME, 'net.netfilter.nf_conntrack_tcp_timeout_time_wait', 1)
      exchange(ip)
      const ours = (kind: ConntrackEvent['kind']) =>
        events.find(event => event.kind === kind && event.original.destination === ip)
      await vi.waitFor(() => expect(ours('new')).toBeDefined())
      expect(ours('new')).toMatchObject({
        protocolNumber: 6,
        original: { source: ip, destinationPort: PORT },
      })
      // The kernel collects ended connections when it has time; a dump makes it evict those it comes across.
      await vi.waitFor(() => conntrack.dump().then(() => expect(ours('destroy')).toBeDefined()))
      const destroyed = ours('destroy')
      expect(destroyed?.id).toBe(ours('new')?.id)
      expect(destroyed?.originalCounters?.bytes).toBeGreaterThan(6)
      expect(destroyed?.replyCounters?.packets).toBeGreaterThan(2)
      expect(destroyed?.timestampStart).toBeGreaterThan(1.7e12)
      expect(lost).not.toHaveBeenCalled()
    },
  )

  test('a mark is set in its own bits only, and a connection that is gone is no error', async () => {
    const conntrack = keep(openConntrack({ netns: NAME, onEvent: () => undefined, onLost: () => undefined }))
    spawnSync('ip', inside('bash', '-c', 'echo x > /dev/udp/127.0.0.1/9; echo x > /dev/udp/::1/9'))
    const entries = (await conntrack.dump()).filter(entry => entry.original.destinationPort === 9)
    expect(entries.map(entry => entry.original.destination).toSorted()).toEqual(['127.0.0.1', '::1'])
    for (const entry of entries) {
      expect(conntrack.setMark(entry, 0xffff_ffff, 0xf0)).toBe(true)
      expect(conntrack.setMark(entry, 0x05, 0x0f)).toBe(true)
      expect(conntrack.setMark({ ...entry, original: { ...entry.original, sourcePort: 1 } }, 1, 1)).toBe(
        false,
      )
    }
    const marks = (await conntrack.dump())
      .filter(entry => entry.original.destinationPort === 9)
      .map(entry => entry.mark)
    expect(marks).toEqual([0xf5, 0xf5])
  })

  test('a refused transaction says why and leaves nothing behind', async () => {
    const before = nft.generation()
    const commands = `add table inet half\nadd rule inet sekisho_test nowhere accept\n`
    const refused = await nft.run(commands).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(NftError)
    expect(String(refused)).toContain('No such file or directory')
    expect(nft.tableExists('half')).toBe(false)
    expect(nft.generation()).toBe(before)
    const syntax = await nft.run(`add ${'x'.repeat(100_000)}`).catch((error: unknown) => String(error))
    expect(syntax).toHaveLength('NftError: '.length + 2_000)
    await nft.run('add table inet whole')
    expect(nft.tableExists('whole')).toBe(true)
    expect(nft.generation()).toBe(before + 1)
    await nft.run('delete table inet whole')
  })

  test('named counters are read, thousands at once', async () => {
    const names = Array.from({ length: 5_000 }, (_, i) => `c${i}`)
    await nft.run(`table inet many {\n${names.map(name => `counter ${name} {\n}`).join('\n')}\n}`)
    const counters = await nft.counters('many')
    expect([...counters.keys()].toSorted()).toEqual(names.toSorted())
    await nft.run('delete table inet many')
    expect((await nft.counters('many')).size).toBe(0)
    expect((await nft.counters('sekisho_test')).get('opened')?.packets).toBeGreaterThan(0)
  })

  test('nftables is not opened where there is no namespace', () => {
    expect(() => openNftables({ netns: 'sekisho-no-such-namespace' })).toThrow('ENOENT')
  })

  test('the nftables thread is there while it has something to run, and comes again', async () => {
    const living = new Set<Worker>()
    const started = vi.fn((worker: Worker) => {
      living.add(worker)
      worker.once('exit', () => living.delete(worker))
    })
    process.on('worker', started)
    try {
      await using other = openNftables({ netns: NAME })
      expect(other.tableExists('brief')).toBe(false)
      expect(started).not.toHaveBeenCalled()
      for (const times of [1, 2]) {
        await Promise.all([other.run('add table inet brief'), other.run('delete table inet brief')])
        expect(started).toHaveBeenCalledTimes(times)
        await vi.waitFor(() => expect(living.size).toBe(0))
      }
    } finally {
      process.off('worker', started)
    }
  })

  test('logged packets carry prefix and payload', async () => {
    const packets: LoggedPacket[] = []
    const options = { netns: NAME, group: 7, onLost: () => undefined }
    keep(openNflog({ ...options, onPackets: batch => packets.push(...batch) }))
    expect(() => openNflog({ ...options, onPackets: () => undefined })).toThrow('EPERM')
    spawnSync('ip', inside('bash', '-c', 'echo x > /dev/udp/::1/77'))
    const find = () =>
      packets
        .map(({ payload }) => parsePacket(payload))
        .find(tuple => tuple.ok && tuple.value.destinationPort === 77)
    await vi.waitFor(() => expect(find()).toBeDefined())
    expect(find()).toMatchObject({ value: { source: '::1', protocol: 17 } })
    expect(packets[0]).toMatchObject({ prefix: 'new ', outInterface: 1 })
  })

  test('no event of a burst is lost while the main thread is busy', async () => {
    const count = tally()
    keep(openConntrack({ netns: NAME, groups: ['new'], onEvent: count.seen, onLost: count.lost }))
    burst(3_000)
    await vi.waitFor(() => expect(count).toMatchObject({ events: 3_000, drops: 0 }))
  })

  test('what a full buffer drops is counted exactly', async () => {
    const count = tally()
    const socket = new NetlinkSocket(NETLINK.netfilter, { netns: NAME, groups: [1], receiveBuffer: 2_048 })
    const close = receiveOn(socket, {
      onDatagrams: bytes => void eachConntrackEvent(bytes, count.seen),
      onLost: count.lost,
      onFailed: error => expect.fail(error.message),
    })
    const sent = 3_000
    burst(sent)
    // Most drops come after the kernel has said ENOBUFS for the first, and nothing comes after them.
    await vi.waitFor(() => expect(count.events + count.drops).toBe(sent))
    expect(count.drops).toBeGreaterThan(0)
    close()
  })

  test('a change of links is told', async () => {
    const onChange = vi.fn()
    keep(watchLinks({ netns: NAME, onChange }))
    execFileSync('ip', ['-n', NAME, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1'])
    await vi.waitFor(() => expect(onChange).toHaveBeenCalled())
    const [v0, v1] = ['v0', 'v1'].map(name => links({ netns: NAME }).find(link => link.name === name))
    expect(v0).toMatchObject({ kind: 'veth', peer: v1?.index, up: false })
    expect(v0).not.toHaveProperty('peerNetns')
  })

  test('settings are those of the namespace', () => {
    const key = 'net.netfilter.nf_conntrack_acct'
    expect(getSysctl(NAME, key)).toBe('1')
    setSysctl(NAME, key, 0)
    expect(getSysctl(NAME, key)).toBe('0')
    setSysctl(NAME, key, 1)
    expect(() => setSysctl(NAME, 'kernel.panic', 1)).toThrow(TypeError)
    expect(() => setSysctl(NAME, 'net/../kernel/panic', 1)).toThrow(TypeError)
  })

  test('buffers the kernel writes to survive garbage collection under load', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const ring = new ReceiveRing(8, 32_768)
    using socket = new NetlinkSocket(NETLINK.route, { netns: NAME })
    for (let round = 0; round < 50; round++) {
      const garbage = Array.from({ length: 200 }, () => new Uint8Array(new ArrayBuffer(8_192)).fill(0xaa))
      collect()
      socket.send({ type: 18, flags: 0x300, body: new Uint8Array(16) })
      const { bytes, refused } = ring.receive(socket.fd, 0x10000)
      expect(refused).toBe(0)
      expect(bytes.length).toBeGreaterThan(100)
      expect(garbage.every(part => part[0] === 0xaa && part[8_191] === 0xaa)).toBe(true)
    }
  })

  test('nothing stays open', async () => {
    const descriptors = () =>
      readdirSync('/proc/self/fd').filter(fd => existsSync(`/proc/self/fd/${fd}`)).length
    const before = descriptors()
    for (let i = 0; i < 20; i++) {
      using conntrack = openConntrack({ netns: NAME, onEvent: () => undefined, onLost: () => undefined })
      await conntrack.dump()
    }
    await vi.waitFor(() => expect(descriptors()).toBeLessThanOrEqual(before))
  })
})
