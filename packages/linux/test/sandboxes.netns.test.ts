import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createNetns, deleteNetns, sandboxes } from '../src/index.ts'
import { describeAsRoot } from './privilege.ts'

const NAME = `sb${process.pid}`
const HOST = `${NAME}-host`
const ID = process.pid.toString(16).padStart(64, '0')

/** A hierarchy that controls nothing here, or the only one: a group in it is as good as a runtime's. */
const HIERARCHY = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'].find(path => existsSync(`${path}/cgroup.procs`))

/** Containers as a runtime makes them: a namespace, a veth, a control group with a process in both. */
describeAsRoot('containers of this host', () => {
  const group = `${HIERARCHY}/docker-${ID}.scope`
  let container: ChildProcess | undefined

  beforeAll(async () => {
    expect(HIERARCHY, 'a cgroup hierarchy').toBeDefined()
    for (const name of [HOST, NAME]) createNetns(name)[Symbol.dispose]()
    const lines = [
      'link add br0 type bridge',
      `link add veth-a type veth peer name eth0 netns ${NAME}`,
      'link set br0 up',
      'link set veth-a up',
    ]
    execFileSync('ip', ['-n', HOST, '-batch', '-'], { input: lines.join('\n') })
    const inside = [
      'link set eth0 up',
      'addr add 172.30.0.2/16 dev eth0',
      'addr add fd30::2/64 dev eth0 nodad',
    ]
    execFileSync('ip', ['-n', NAME, '-batch', '-'], { input: inside.join('\n') })
    mkdirSync(group)
    container = spawn('ip', ['netns', 'exec', NAME, 'sleep', 'infinity'], { stdio: 'ignore' })
    await vi.waitFor(() => {
      expect(readFileSync(`/proc/${container?.pid}/comm`, 'utf8')).toBe('sleep\n')
    })
    writeFileSync(`${group}/cgroup.procs`, String(container.pid))
  })
  afterAll(async () => {
    if (container) {
      const ended = once(container, 'exit')
      container.kill('SIGKILL')
      await ended
    }
    await vi.waitFor(() => rmdirSync(group))
    for (const name of [HOST, NAME]) deleteNetns(name)
  })

  const found = () =>
    sandboxes({ netns: HOST }).find(({ containers }) => containers.some(({ id }) => id === ID))

  test('one is found with its addresses and the host’s end of its veth', () => {
    expect(found()).toMatchObject({
      host: false,
      pid: container?.pid,
      containers: [{ runtime: 'docker', id: ID }],
      addresses: ['172.30.0.2', 'fd30::2'],
      interface: 'veth-a',
    })
  })

  test('behind a bridge packets show the bridge, so there is no interface of its own', () => {
    execFileSync('ip', ['-n', HOST, 'link', 'set', 'veth-a', 'master', 'br0'])
    expect(found()).toMatchObject({ addresses: ['172.30.0.2', 'fd30::2'] })
    expect(found()).not.toHaveProperty('interface')
  })

  test('in the host’s network it has no addresses of its own', () => {
    const [sandbox] = sandboxes({ netns: NAME }).filter(({ containers }) =>
      containers.some(({ id }) => id === ID),
    )
    expect(sandbox).toMatchObject({ host: true, addresses: [] })
  })
})
