import { execFileSync } from 'node:child_process'
import { createRuleset, script, TABLE_NAME } from '@sekisho/dataplane'
import { createNetns, deleteNetns, openNftables } from '@sekisho/linux'
import { createModel, createTableCompiler, type RuleTable } from '@sekisho/policy'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describeAsRoot } from '../../packages/linux/test/privilege.ts'
import { ClusterSource, SMALL } from '../../packages/policy/test/cluster.ts'
import { manyPeers, NODE } from './node.ts'

/** A table with every kind of rule: generated policies, interfaces for some workloads, named and many ports. */
function generated(seed: number): RuleTable {
  const cluster = new ClusterSource(seed, { ...SMALL, policies: 30 }).cluster()
  const model = createModel()
  model.update({
    namespaces: { set: cluster.namespaces },
    nodes: { set: cluster.nodes },
    workloads: {
      set: cluster.workloads.map((workload, at) => ({
        ...workload,
        ...(at % 2 === 0 && { interface: `veth${at}` }),
      })),
    },
    policies: { set: [...cluster.policies, ...cluster.namespaces.map(({ name }) => manyPeers(name))] },
  })
  return createTableCompiler(model, { name: NODE, addresses: [] }).table
}

describeAsRoot('what is loaded', () => {
  const netns = `ld${process.pid}`
  const list = () =>
    execFileSync('ip', ['netns', 'exec', netns, 'nft', 'list', 'table', 'inet', TABLE_NAME], {
      encoding: 'utf8',
    })
  beforeEach(() => createNetns(netns)[Symbol.dispose]())
  afterEach(() => deleteNetns(netns))

  test.each([1, 2, 3, 4])('the expressions in the kernel are those of the text, cluster %i', async seed => {
    const rebuild = createRuleset(generated(seed), 7).rebuild()
    await using nft = openNftables({ netns })
    await nft.run(script(rebuild))
    const byText = list()
    nft.commit(
      TABLE_NAME,
      rebuild.map(command => command.operation()),
    )
    // nft prints the ports of its own anonymous sets as `0x50 [invalid type]`.
    const printed = byText.replaceAll(/(0x[0-9a-f]+) \[invalid type\]/g, (_, port) => `${Number(port)}`)
    expect(list()).toBe(printed)
    expect(byText).toMatch(/goto [eu]d_/)
    expect(byText).toMatch(/counter name meta priority \. meta l4proto \. ct reply proto-src map @m_/)
    expect(byText).toMatch(/meta priority set ct original ip saddr map @class_4/)
  })
})
