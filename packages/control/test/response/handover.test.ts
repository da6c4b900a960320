import type { EpochMs, JsonRecord, PolicyId } from '@sekisho/core'
import type { StoredPolicy } from '@sekisho/store'
import { expect, test } from 'vitest'
import { readShared, writeShared } from '../../src/response/handover.ts'
import { actorOf, policyOf, responseOf, ruleOf } from '../../src/response/policy.ts'
import { pod } from '../insight/world.ts'

const quarantine = (name: string): JsonRecord =>
  policyOf({
    rule: 'contain',
    action: { kind: 'quarantine', forSeconds: 900, dns: true, peers: [] },
    target: { kind: 'workload', workload: pod(name, 'shop') },
    until: Date.parse('2026-05-01T12:15:00Z') as EpochMs,
    why: 'a port scan',
    exempt: [],
  })

const stored = (document: JsonRecord): StoredPolicy => ({
  id: `ClusterSecurityPolicy//${nameOf(document)}` as PolicyId,
  mode: 'Enforce',
  yaml: '',
  document,
  revision: 1,
  updatedAt: 0 as EpochMs,
  updatedBy: actorOf('contain'),
})
const nameOf = (document: JsonRecord): string => (document.metadata as { readonly name: string }).name

test('what one server shares is the same response for another', () => {
  const all = ['web', 'job'].map(name => stored(quarantine(name)))
  const { documents, refused } = readShared(JSON.parse(JSON.stringify(writeShared(all))))
  expect(refused).toEqual([])
  const read = documents.map(({ source }) =>
    responseOf({ ...stored(source), updatedBy: actorOf(ruleOf(source)) }),
  )
  expect(read).toEqual(all.map(responseOf))
  expect(read.map(each => each?.target)).toEqual(['pod:shop/web-1', 'pod:shop/job-1'])
})

test('nothing is shared where there is nothing', () => {
  for (const data of [undefined, {}, 'text']) expect(readShared(data)).toEqual({ documents: [], refused: [] })
})

const good = quarantine('web')
const open = { ...good, spec: { mode: 'Enforce', subject: {}, ingress: [{ action: 'Allow' }] } }
test.each<[string, string, string, RegExp]>([
  ['is no JSON', nameOf(good), '{', /no JSON/],
  ['is no policy', nameOf(good), '{"kind":"ClusterSecurityPolicy"}', /apiVersion/],
  ['stands under another name', 'response.quarantine.0', JSON.stringify(good), /no response/],
  ['has a name of no response', 'web', JSON.stringify({ ...good, metadata: { name: 'web' } }), /no response/],
  ['allows something', nameOf(open), JSON.stringify(open), /no response/],
])('what %s is refused by itself', (_, name, text, reason) => {
  const other = quarantine('job')
  const { documents, refused } = readShared({ [name]: text, [nameOf(other)]: JSON.stringify(other) })
  expect(documents.map(each => each.name)).toEqual([nameOf(other)])
  expect(refused).toEqual([expect.stringMatching(reason)])
})
