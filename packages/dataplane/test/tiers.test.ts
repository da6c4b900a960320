import { type NodeName, namespace, type PolicyDocumentJson, workloadId } from '@sekisho/core'
import { createModel, createTableCompiler, validatePolicy } from '@sekisho/policy'
import { expect, test } from 'vitest'
import { chainFragment } from '../src/chain.ts'

const NODE = { name: 'node-a' as NodeName, addresses: [] }

function valid(json: PolicyDocumentJson) {
  const read = validatePolicy(json)
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return read.value
}

/** The egress chains of one pod as nft text; names of sets and chains are hashes, so they are numbered as they come. */
function rendered(...policies: readonly PolicyDocumentJson[]): readonly string[] {
  const model = createModel()
  model.update({
    namespaces: { set: [namespace('shop')] },
    workloads: {
      set: [
        {
          id: workloadId('pod', 'shop', 'web'),
          kind: 'pod',
          namespace: 'shop',
          name: 'web',
          owner: { kind: 'Deployment', name: 'web' },
          labels: {},
          node: NODE.name,
          addresses: ['10.0.0.1'],
          hostNetwork: false,
          ports: [],
          state: 'running',
        },
      ],
    },
    policies: { set: policies.map(valid) },
  })
  const { table } = createTableCompiler(model, NODE)
  const chains = [...table.chains.values()].flatMap(
    chain => chainFragment(table, chain, { role: 'enforce', inspects: true }).chains,
  )
  const names = new Map<string, string>()
  const number = (name: string) => {
    const known = names.get(name) ?? `#${names.size + 1}`
    names.set(name, known)
    return known
  }
  return chains
    .flatMap(({ name, rules }) => [`${name}:`, ...rules.map(({ text }) => text)])
    .map(line => line.replaceAll(/(?<=[_:])[\w-]{22}/g, number))
}

test('tiers around a NetworkPolicy', () => {
  const tier = (name: string, more: object) => ({
    apiVersion: 'policy.networking.k8s.io/v1alpha2',
    kind: 'ClusterNetworkPolicy',
    metadata: { name },
    spec: { priority: 1, subject: { namespaces: {} }, ...more },
  })
  const to = [{ networks: ['10.0.0.0/8'] }]
  expect(
    rendered(
      tier('admin', {
        tier: 'Admin',
        egress: [
          { action: 'Pass', to },
          { action: 'Deny', to: [{ namespaces: {} }] },
        ],
      }),
      tier('base', { tier: 'Baseline', egress: [{ action: 'Accept', to }] }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ed_#1:",
      "counter name "er_#1"",
      "limit rate 200/second burst 400 packets log prefix "sekisho:deny:#1" group 646 snaplen 128",
      "goto refuse",
      "e_#2:",
      "ct reply ip saddr @r4_#3 counter name "er_#4" goto e_#2_1",
      "ct reply ip saddr @p4_#5 goto ed_#1",
      "ct reply ip6 saddr @p6_#5 goto ed_#1",
      "goto e_#2_1",
      "e_#2_1:",
      "ct reply ip saddr @r4_#3 counter name "er_#6" return",
    ]
  `)
})

test('the world is what no set holds', () => {
  expect(
    rendered({
      apiVersion: 'sekisho.dev/v1alpha1',
      kind: 'SecurityPolicy',
      metadata: { namespace: 'shop', name: 'out' },
      spec: { mode: 'Enforce', egress: [{ to: [{ entity: 'world' }], ports: [{ port: 443 }] }] },
    }),
  ).toMatchInlineSnapshot(`
    [
      "ed_#1:",
      "counter name "er_#1"",
      "limit rate 200/second burst 400 packets log prefix "sekisho:deny:#1" group 646 snaplen 128",
      "goto refuse",
      "e_#2:",
      "meta l4proto tcp ct reply proto-src 443 ct reply ip saddr != @p4_#3 ct reply ip saddr != @p4_#4 counter name "er_#5" return",
      "meta l4proto tcp ct reply proto-src 443 ct reply ip6 saddr != @p6_#3 ct reply ip6 saddr != @p6_#4 counter name "er_#5" return",
      "goto ed_#1",
    ]
  `)
})
