import type { Deed, Requester } from '@sekisho/kube'
import { describe, expect, test } from 'vitest'
import { isOtherWord, reviewProtection } from '../../src/cluster/guard.ts'

type Json = Readonly<Record<string, unknown>>

const FIREWALL = 'sekisho.dev/firewall'
const says = (word: string | undefined): Json =>
  word === undefined ? {} : { annotations: { [FIREWALL]: word } }

/** Where each kind says it. */
const OBJECTS: Readonly<Record<string, (metadata: Json) => Json>> = {
  pods: metadata => ({ metadata }),
  namespaces: metadata => ({ metadata }),
  externalworkloads: metadata => ({ metadata }),
  deployments: metadata => ({ spec: { template: { metadata } } }),
  cronjobs: metadata => ({ spec: { jobTemplate: { spec: { template: { metadata } } } } }),
}

function review(resource: string, before: Json, after: Json, more: Json = {}): Json {
  const make = OBJECTS[resource]
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      kind: { kind: 'Thing' },
      resource: { group: '', version: 'v1', resource },
      operation: 'UPDATE',
      name: 'web',
      namespace: 'shop',
      userInfo: { username: 'ann', uid: '7', groups: ['devs', 5], extra: { scopes: ['a'], odd: 'x' } },
      oldObject: make?.(before),
      object: make?.(after),
      ...more,
    },
  }
}

interface Asked {
  readonly who: Requester
  readonly deed: Deed
}

async function answerTo(
  json: unknown,
  { may = false, namespace = undefined as 'disabled' | 'required' | undefined } = {},
) {
  const asked: Asked[] = []
  const answer = await reviewProtection(json, {
    firewall: 'enabled',
    wordOf: () => namespace,
    may: async (who, deed) => {
      asked.push({ who, deed })
      return may
    },
  })
  return { response: answer?.response, asked }
}

describe('who takes back protection', () => {
  test.each(['pods', 'externalworkloads', 'deployments', 'cronjobs'])(
    'of %s is asked for the right to',
    async resource => {
      const json = review(resource, says('enabled'), says('disabled'))
      const { response, asked } = await answerTo(json)
      expect(response).toMatchObject({
        uid: 'u-1',
        allowed: false,
        status: { code: 403, reason: 'Forbidden' },
      })
      expect(response?.status?.message).toMatch(
        /Thing shop\/web is protected, .* "disabled" in place of "enabled": user "ann" cannot unprotect .* namespace "shop"/,
      )
      expect(asked).toEqual([
        {
          who: { user: 'ann', uid: '7', groups: ['devs'], extra: { scopes: ['a'], odd: [] } },
          deed: {
            verb: 'unprotect',
            group: 'sekisho.dev',
            resource: 'protections',
            namespace: 'shop',
            name: 'web',
          },
        },
      ])
    },
  )

  test('and is let through who has it, which the audit log is told', async () => {
    const { response } = await answerTo(review('pods', says('enabled'), says(undefined)), { may: true })
    expect(response).toEqual({
      uid: 'u-1',
      allowed: true,
      auditAnnotations: { weakened: '"enabled" to nothing' },
    })
  })

  test('of a namespace needs it for the cluster: no right inside of it is enough', async () => {
    const { asked } = await answerTo(review('namespaces', says('required'), says('enabled')))
    expect(asked[0]?.deed).not.toHaveProperty('namespace')
  })

  test.each<[string, Json, Parameters<typeof answerTo>[1]]>([
    ['strengthens it', review('pods', says('disabled'), says('enabled')), {}],
    ['says nothing of it', review('pods', { labels: { a: 'b' } }, {}), {}],
    ['moves the word to a label', review('pods', says('enabled'), { labels: { [FIREWALL]: 'enabled' } }), {}],
    [
      'switches off what is not on',
      review('pods', says(undefined), says('disabled')),
      { namespace: 'disabled' },
    ],
    [
      'has no say anyway',
      review('deployments', says('enabled'), says('disabled')),
      { namespace: 'required' },
    ],
    ['makes something new', review('pods', {}, says('disabled'), { operation: 'CREATE' }), {}],
    ['changes something else', review('services', says('enabled'), says('disabled')), {}],
    ['deletes', review('pods', says('enabled'), {}, { operation: 'DELETE', object: null }), {}],
  ])('who %s is not asked', async (_, json, world) => {
    const { response, asked } = await answerTo(json, world)
    expect(response).toEqual({ uid: 'u-1', allowed: true })
    expect(asked).toEqual([])
  })

  test('where the cluster does not say whether they may, nothing is answered', async () => {
    const port = {
      firewall: undefined,
      wordOf: () => undefined,
      may: () => Promise.reject(new Error('away')),
    }
    await expect(reviewProtection(review('pods', says('enabled'), says('disabled')), port)).rejects.toThrow(
      'away',
    )
  })

  test('what is no review is none', async () => {
    expect((await answerTo({ apiVersion: 'admission.k8s.io/v1' })).response).toBeUndefined()
  })
})

test('the API server is told where to look for another word', () => {
  expect(isOtherWord(['spec', 'template', 'metadata'])).toBe(
    "object.?spec.?template.?metadata.?annotations[?'sekisho.dev/firewall'] != " +
      "oldObject.?spec.?template.?metadata.?annotations[?'sekisho.dev/firewall'] || " +
      "object.?spec.?template.?metadata.?labels[?'sekisho.dev/firewall'] != " +
      "oldObject.?spec.?template.?metadata.?labels[?'sekisho.dev/firewall']",
  )
})
