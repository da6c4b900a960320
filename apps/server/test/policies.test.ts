import type { AuditView, ChangeView, PolicyView, ProblemJson } from '@sekisho/control'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Client, policyYaml, startTestServer, type TestServer } from './harness.ts'

let server: TestServer
let client: Client
beforeAll(async () => {
  server = await startTestServer()
  client = await server.login()
})
afterAll(() => server[Symbol.asyncDispose]())

const list = async () => (await client.get<{ items: PolicyView[] }>('policies')).items
const apply = (yaml: string, rest: object = {}) =>
  client.post<ChangeView>('policies/apply', { yaml, ...rest })
const lastChange = async () => (await client.get<{ items: ChangeView[] }>('changes?limit=1')).items[0]
const id = (name: string) => `SecurityPolicy/shop/${name}`
const problemOf = async (response: Response) => (await response.json()) as ProblemJson

/** Whatever a test left is gone: each begins with no policy and nothing pending. */
beforeEach(async () => {
  for (const { id: change, state } of (await client.get<{ items: ChangeView[] }>('changes')).items) {
    if (state === 'pending') await client.post(`changes/${change}/keep`)
  }
  const ids = (await list()).map(policy => policy.id)
  if (ids.length > 0) await client.post('policies/delete', { ids })
})

describe('applying', () => {
  test('creates, changes and says so; the same again changes nothing', async () => {
    const created = await apply(policyYaml('api'))
    expect(created).toMatchObject({
      state: 'kept',
      actor: 'admin',
      policies: [{ id: id('api'), action: 'created', before: null }],
    })
    const changed = await apply(policyYaml('api').replace('443', '8443'))
    expect(changed.policies[0]).toMatchObject({ action: 'changed' })
    expect(changed.policies[0]?.before).toContain('443')
    const same = await apply(policyYaml('api').replace('443', '8443'))
    expect([same.id, same.policies]).toEqual(['', []])
    const view = await client.get<PolicyView>('policies/SecurityPolicy/shop/api')
    expect(view).toMatchObject({ id: id('api'), mode: 'Audit', rules: 1, selects: 0, updatedBy: 'admin' })
  })

  test('sets the mode of the whole set when it is told to', async () => {
    await apply(`${policyYaml('a')}---\n${policyYaml('b', 'shop', 'Learn')}`, { mode: 'Enforce' })
    expect((await list()).map(({ id: policy, mode }) => [policy, mode])).toEqual([
      [id('a'), 'Enforce'],
      [id('b'), 'Enforce'],
    ])
    await client.post('policies/mode', { ids: [id('a')], mode: 'Learn' })
    expect((await list()).map(({ mode }) => mode)).toEqual(['Learn', 'Enforce'])
    expect((await list())[0]?.yaml).toContain('mode: Learn')
  })

  test('a dry run says what would happen, and nothing happens', async () => {
    const dry = await apply(policyYaml('api'), { dryRun: true })
    expect([dry.id, dry.policies[0]?.action]).toEqual(['', 'created'])
    expect([await list(), (await lastChange())?.summary]).not.toContain('api')
    expect(await list()).toEqual([])
  })

  test('a misspelt option is refused, not ignored', async () => {
    const response = await client.call('POST', 'policies/apply', { yaml: policyYaml('api'), dryrun: true })
    expect((await problemOf(response)).code).toBe('bad-request')
    expect(await list()).toEqual([])
  })

  test('a cluster policy has no namespace in its path', async () => {
    await apply(
      'apiVersion: sekisho.dev/v1alpha1\nkind: ClusterSecurityPolicy\nmetadata: {name: deny-metadata}\nspec:\n  egress: [{action: Deny, to: [{ipBlock: {cidr: 169.254.169.254/32}}]}]\n',
    )
    expect((await client.get<PolicyView>('policies/ClusterSecurityPolicy/_/deny-metadata')).namespace).toBe(
      '',
    )
  })
})

describe('applications that users define', () => {
  const definition = [
    'apiVersion: sekisho.dev/v1alpha1',
    'kind: Application',
    'metadata: { name: acme-orders }',
    'spec: { transport: TCP, client: [{ text: ORD1 }] }',
    '',
  ].join('\n')
  const naming = policyYaml('api').replace(
    /^spec:$/m,
    'spec:\n  egress: [{ applications: [acme-orders] }]\n  policyTypes: [Ingress, Egress]',
  )
  const application = 'Application//acme-orders'
  const refused = async (path: string, body: object) => {
    const { detail, problems } = await problemOf(await client.call('POST', path, body))
    return [detail, ...(problems ?? []).map(({ path: at, reason }) => `${at}: ${reason}`)].join(' ')
  }

  test('are applied before, or with, the policies that name them', async () => {
    expect(await refused('policies/apply', { yaml: naming })).toContain(
      'spec.egress[0].applications[0]: is neither built in nor defined by an Application',
    )
    await apply(definition)
    await apply(naming)
    expect((await list()).map(({ id: policy }) => policy)).toEqual([application, id('api')])
    await client.post('policies/delete', { ids: [application, id('api')] })
    await apply(`${naming}---\n${definition}`)
    expect(await list()).toHaveLength(2)
  })

  test('stay for as long as a policy names them', async () => {
    const defined = await apply(definition, { revertAfterSeconds: 3_600 })
    await apply(naming)
    const reason = `${id('api')} names the application acme-orders, which nothing would define.`
    expect(await refused(`changes/${defined.id}/revert`, {})).toContain(reason)
    await client.post(`changes/${defined.id}/keep`)
    expect(await refused('policies/delete', { ids: [application] })).toContain(reason)
    expect(await list()).toHaveLength(2)
    await client.post('policies/delete', { ids: [application, id('api')] })
  })
})

describe('a set with one mistake is refused whole: where and why is said, nothing is changed', () => {
  const good = policyYaml('good')
  const broken = (from: string, to: string) => `${good}---\n${policyYaml('bad').replace(from, to)}`
  test.each<[string, string, Partial<{ document: number; path: string; line: number }>]>([
    [
      'an unknown field',
      broken('ports:', 'prots:'),
      { document: 1, path: 'spec.ingress[0].prots', line: 37 },
    ],
    ['a port past the last', broken('443', '70000'), { document: 1, path: 'spec.ingress[0].ports[0].port' }],
    ['a wrong mode', broken('mode: Audit', 'mode: Maybe'), { document: 1, path: 'spec.mode' }],
    ['an unknown kind', broken('SecurityPolicy', 'SecurityPolizei'), { document: 1, path: 'kind' }],
    [
      'a wrong CIDR',
      broken(
        '- podSelector:\n            matchLabels:\n              app: web',
        '- ipBlock: { cidr: 10.0.0.1/8 }',
      ),
      { document: 1, path: 'spec.ingress[0].from[0].ipBlock.cidr' },
    ],
    ['YAML that is none', `${good}---\n{ a: [`, { document: 1 }],
    ['the same policy twice', `${good}---\n${good}`, { document: 1, path: 'metadata.name' }],
    ['nothing at all', '# only a comment\n', { path: '' }],
    ['a document of 10 MB', `${good}---\n# ${'x'.repeat(10_000_000)}\n`, {}],
    [
      'an alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
        .split('')
        .map((n, i) => `${n}: &${n} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`)
        .join('\n')}`,
      {},
    ],
  ])('%s', async (_name, yaml, where) => {
    const before = await client.get('changes')
    const response = await client.call('POST', 'policies/apply', { yaml })
    const problem = await problemOf(response)
    expect([response.status, problem.code]).toEqual([422, 'policy-refused'])
    expect(problem.problems?.[0]).toMatchObject({ reason: expect.stringMatching(/./), ...where })
    expect(await list()).toEqual([])
    expect(await client.get('changes')).toEqual(before)
    const [entry] = (await client.get<{ items: AuditView[] }>('audit?limit=1')).items
    expect([entry?.action, entry?.result]).toEqual(['policy.apply', 'refused'])
    expect((await client.call('POST', 'policies/validate', { yaml })).status).toBe(200)
  })

  test('a body past the limit is not read to its end', async () => {
    const response = await client.call('POST', 'policies/apply', { yaml: 'x'.repeat(17_000_000) })
    expect([response.status, (await problemOf(response)).code]).toEqual([413, 'too-large'])
  })

  test('a body without a length that goes past the limit is cut off', async () => {
    const megabyte = new TextEncoder().encode('x'.repeat(1_000_000))
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent++ < 40) controller.enqueue(megabyte)
        else controller.close()
      },
    })
    const headers = { cookie: client.cookie, 'x-csrf-token': client.csrf, 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body, duplex: 'half' }
    const request = fetch(`${server.url}/api/v1/policies/apply`, init)
    // The server answers and closes; which of the two the client notices first is up to its sockets.
    const status = await request.then(response => response.status).catch(() => 413)
    expect(status).toBe(413)
    expect(sent).toBeLessThan(40)
  })

  test.each([
    ['JSON that is none', '{"yaml": '],
    ['a list', '[]'],
    ['a number for text', '{"yaml": 1}'],
  ])('%s as the body', async (_name, body) => {
    const headers = { cookie: client.cookie, 'x-csrf-token': client.csrf, 'content-type': 'application/json' }
    const response = await fetch(`${server.url}/api/v1/policies/apply`, { method: 'POST', headers, body })
    expect([response.status, (await problemOf(response)).code]).toEqual([400, 'bad-request'])
  })
})

describe('a pending change', () => {
  test('takes itself back at its time, and says so', async () => {
    await apply(policyYaml('api'))
    const pending = await client.post<ChangeView>('policies/mode', {
      ids: [id('api')],
      mode: 'Enforce',
      revertAfterSeconds: 300,
    })
    expect(pending.state).toBe('pending')
    expect(Date.parse(pending.revertsAt ?? '')).toBe(server.time.clock.now() + 300_000)
    server.time.advance(299_999)
    expect((await list())[0]?.mode).toBe('Enforce')
    server.time.advance(1)
    expect((await list())[0]?.mode).toBe('Audit')
    expect(await lastChange()).toMatchObject({ id: pending.id, state: 'reverted' })
    const [entry] = (await client.get<{ items: AuditView[] }>('audit?limit=1')).items
    expect(entry).toMatchObject({ actor: 'sekisho', action: 'change.revert', result: 'ok' })
    const events = await client.get<{ items: { code: string }[] }>('events?limit=1')
    expect(events.items[0]?.code).toBe('change-reverted')
  })

  test('that is kept stays', async () => {
    const { id: change } = await apply(policyYaml('api'), { revertAfterSeconds: 60 })
    expect((await client.post<ChangeView>(`changes/${change}/keep`)).state).toBe('kept')
    server.time.advance(120_000)
    expect(await list()).toHaveLength(1)
    expect((await client.call('POST', `changes/${change}/keep`)).status).toBe(409)
  })

  test('holds its policies: another change of them is a conflict, of others is none', async () => {
    await apply(policyYaml('api'), { revertAfterSeconds: 60 })
    const response = await client.call('POST', 'policies/delete', { ids: [id('api')] })
    expect([response.status, (await problemOf(response)).code]).toEqual([409, 'conflict'])
    await apply(policyYaml('other'))
    expect(await list()).toHaveLength(2)
  })

  test('of several, each reverts at its own time', async () => {
    await apply(policyYaml('late'), { revertAfterSeconds: 100 })
    await apply(policyYaml('early'), { revertAfterSeconds: 50 })
    server.time.advance(50_000)
    expect((await list()).map(policy => policy.name)).toEqual(['late'])
    server.time.advance(50_000)
    expect(await list()).toEqual([])
  })

  test.each([
    ['before its time: it reverts when the time comes', 10_000],
    ['past its time: it reverts at the start', 600_000],
  ])('survives a restart %s', async (_name, awayMs) => {
    await apply(policyYaml('api'), { revertAfterSeconds: 300 })
    server = await server.restart(awayMs)
    client = await server.login()
    if (awayMs < 300_000) expect(await list()).toHaveLength(1)
    server.time.advance(Math.max(0, 300_000 - awayMs))
    expect(await list()).toEqual([])
    expect((await lastChange())?.state).toBe('reverted')
  })
})

describe('taking a change back', () => {
  test('brings back what was before, deleted policies too', async () => {
    await apply(`${policyYaml('a')}---\n${policyYaml('b')}`)
    const deleted = await client.post<ChangeView>('policies/delete', { ids: [id('a'), id('b')] })
    expect(await list()).toEqual([])
    expect((await client.post<ChangeView>(`changes/${deleted.id}/revert`)).state).toBe('reverted')
    expect((await list()).map(policy => policy.name)).toEqual(['a', 'b'])
  })

  test('is refused when a later change touched the same policy: nothing is overwritten', async () => {
    const first = await apply(policyYaml('api'))
    await apply(policyYaml('api').replace('443', '8443'))
    const response = await client.call('POST', `changes/${first.id}/revert`)
    expect([response.status, (await problemOf(response)).code]).toEqual([409, 'conflict'])
    expect((await list())[0]?.yaml).toContain('8443')
  })

  test.each(['999999', 'abc', '1e3'])('of an unknown change %s is not found', async change => {
    expect((await client.call('POST', `changes/${change}/revert`)).status).toBe(404)
  })
})

test('deleting or switching what is not there changes nothing', async () => {
  await apply(policyYaml('api'))
  const ids = [id('api'), id('missing')]
  expect((await client.call('POST', 'policies/delete', { ids })).status).toBe(404)
  expect((await client.call('POST', 'policies/mode', { ids, mode: 'Enforce' })).status).toBe(404)
  expect((await list())[0]?.mode).toBe('Audit')
})

test('pages hold each policy once, in order', async () => {
  await apply(
    Array.from({ length: 25 }, (_, i) => policyYaml(`p${String(i).padStart(2, '0')}`)).join('---\n'),
  )
  const seen: string[] = []
  let cursor: string | null = ''
  do {
    const page: { items: PolicyView[]; nextCursor: string | null } = await client.get(
      `policies?limit=10${cursor ? `&cursor=${cursor}` : ''}`,
    )
    seen.push(...page.items.map(policy => policy.name))
    cursor = page.nextCursor
  } while (cursor)
  expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => `p${String(i).padStart(2, '0')}`))
})
