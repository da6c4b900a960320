import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import type { ChangeView, FlowView, MapView } from '@sekisho/control'
import { type Lab, type Pod, startLab } from '@sekisho/lab'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, apiOf, programmed, until } from './api.ts'

const run = promisify(execFile)
/** The shop's front page asks the API for these; its customers do nothing else there. */
const API = `
apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata: { namespace: shop, name: api-requests }
spec:
  mode: Enforce
  subject: { podSelector: { matchLabels: { app: api } } }
  ingress:
    - ports: [{ protocol: TCP, port: 8080 }]
      l7:
        - { http: { methods: [GET], path: { prefix: /api/products } } }
        - { http: { methods: [POST], path: { prefix: /api/c } } }
        - { http: { methods: [GET], path: { exact: /metrics } } }
---
apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata: { namespace: shop, name: cart-commands }
spec:
  mode: Enforce
  subject: { podSelector: { matchLabels: { app: cart } } }
  ingress:
    - ports: [{ protocol: TCP, port: 6379 }]
      l7: [{ redis: { commands: [GET, SET, INCR, PING] } }]
`

describeAsRoot('what is really spoken in the lab', () => {
  let lab: Lab
  let api: Api
  const captures: ChildProcess[] = []
  beforeAll(async () => {
    lab = await startLab({
      prefix: 'sekisho-q',
      runDir: '/run/sekisho-spoken',
      port: 22_443,
      report: line => void process.stderr.write(line),
    })
    api = apiOf(lab)
  }, 600_000)
  afterAll(async () => {
    for (const capture of captures) capture.kill()
    await lab?.[Symbol.asyncDispose]()
  }, 120_000)

  const pod = (key: string): Pod => {
    const found = lab.plan.pods.find(each => each.key === key)
    if (!found) throw new Error(`the lab has no ${key}`)
    return found
  }
  const inPod = (from: string, ...command: readonly string[]) =>
    run('ip', ['netns', 'exec', pod(from).netns, ...command])
  const flows = async (filter: string) =>
    (await api.get<{ items: FlowView[] }>(`flows?window=1h&limit=1000&filter=${encodeURIComponent(filter)}`))
      .items

  /** What arrives at a pod, as its own interface has it: evidence that does not come from Sekisho. */
  function arriving(at: string, port: number): { readonly text: string } {
    const filter = ['-A', '-l', '-n', '-i', 'any', 'tcp', 'dst', 'port', String(port)]
    const capture = spawn('ip', ['netns', 'exec', pod(at).netns, 'tcpdump', '--immediate-mode', ...filter])
    captures.push(capture)
    const seen = { text: '' }
    const listen = (chunk: Buffer) => {
      seen.text += chunk.toString('latin1')
    }
    capture.stdout.on('data', listen)
    capture.stderr.on('data', listen)
    return seen
  }
  const listening = (capture: { readonly text: string }) =>
    until('the capture', () => (capture.text.includes('listening on') ? true : undefined))

  test('the map names what the ports do not say', async () => {
    const wanted = ['kube-system/dns dns', 'shop/api http', 'shop/cart redis', 'payments/db postgresql']
    const spoken = await until('applications on the map', async () => {
      const { edges } = await api.get<MapView>('map?window=15m')
      const found = new Set(edges.map(({ destination, application }) => `${destination} ${application}`))
      return wanted.every(name => found.has(name)) ? edges : undefined
    })
    const of = (port: number) =>
      new Set(spoken.flatMap(edge => (edge.port === port ? (edge.application ?? []) : [])))
    expect([of(53), of(5432), of(6379)].map(names => [...names])).toEqual([
      ['dns'],
      ['postgresql'],
      ['redis'],
    ])
    const { items } = await api.get<{ items: FlowView[] }>('flows?window=15m&application=redis')
    expect(new Set(items.map(({ port }) => port))).toEqual(new Set([6379]))
  }, 300_000)

  describe('under policies about requests', () => {
    beforeAll(async () => {
      await api.post<ChangeView>('policies/apply', { yaml: API })
      await programmed(api)
    }, 300_000)

    test('a forbidden request never arrives, and is on record with its rule; an allowed one does', async () => {
      const target = pod('shop-api-1')
      const capture = arriving('shop-api-1', 8080)
      await listening(capture)
      const get = (path: string) =>
        inPod('shop-web-1', 'curl', '-sS', '-m', '20', `http://${target.ip4}:8080${path}`)
      await expect(get('/forbidden-canary')).rejects.toMatchObject({ stdout: '' })
      expect((await get('/api/products?canary')).stdout).toContain('cents')
      await until('the allowed request at the pod', () =>
        capture.text.includes('GET /api/products?canary') ? true : undefined,
      )
      expect(capture.text).not.toContain('forbidden-canary')
      const denied = await until('the record of the denied request', async () => {
        const found = await flows('dst:shop/api verdict:denied app:http')
        return found.find(flow => flow.requests?.some(({ name }) => name.endsWith('/forbidden-canary')))
      })
      expect(denied).toMatchObject({
        by: 'SecurityPolicy/shop/api-requests#ingress',
        why: 'isolated',
        direction: 'ingress',
      })
      const names = (await flows('dst:shop/api verdict:allowed app:http')).flatMap(
        flow => flow.requests ?? [],
      )
      expect(names.map(({ name }) => name)).toContainEqual(expect.stringMatching(/^GET .*\/api\/products$/))
    }, 300_000)

    test('a forbidden command of Redis never arrives; those before it do', async () => {
      const target = pod('shop-cart')
      const capture = arriving('shop-cart', 6379)
      await listening(capture)
      const talk = `exec 3<>/dev/tcp/${target.ip4}/6379
        printf 'SET canary alive\\r\\n' >&3; read -t 20 -u 3 line; echo "$line"
        printf 'FLUSHALL\\r\\n' >&3; read -t 5 -u 3 line && echo "$line" || echo nothing`
      const { stdout } = await inPod('shop-api-1', 'bash', '-c', talk)
      expect(stdout.replaceAll('\r', '').split('\n').slice(0, 2)).toEqual(['+OK', 'nothing'])
      await until('the allowed command at the pod', () =>
        capture.text.includes('SET canary alive') ? true : undefined,
      )
      expect(capture.text).not.toContain('FLUSHALL')
      const denied = await until('the record of the denied command', async () => {
        const found = await flows('dst:shop/cart verdict:denied app:redis')
        return found.find(flow => flow.requests?.some(({ name }) => name === 'FLUSHALL'))
      })
      expect(denied).toMatchObject({ by: 'SecurityPolicy/shop/cart-commands#ingress', port: 6379 })
    }, 300_000)

    test('something else on the allowed port is denied for what it is', async () => {
      const talk = `exec 3<>/dev/tcp/${pod('shop-cart').ip4}/6379
        printf 'SSH-2.0-OpenSSH_9.2\\r\\n' >&3; read -t 5 -u 3 line && echo "$line" || echo nothing`
      const { stdout } = await inPod('shop-web-1', 'bash', '-c', talk)
      expect(stdout).toBe('nothing\n')
      const denied = await until('the record of what does not belong there', async () => {
        const [found] = await flows('dst:shop/cart why:application-mismatch')
        return found
      })
      expect(denied).toMatchObject({ outcome: 'denied', by: 'SecurityPolicy/shop/cart-commands#ingress' })
    }, 300_000)
  })
})
