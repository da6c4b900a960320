import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { captured } from './captured.ts'

afterEach(() => vi.restoreAllMocks())

async function gate(manifests: string, ...args: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-gate-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'all.yaml')
  writeFileSync(file, manifests)
  const { code, stdout, stderr } = await captured('ci', 'gate', ...args, '-f', file)
  return { code, stdout: stdout.replaceAll(folder, ''), stderr: stderr.replaceAll(folder, '') }
}

const namespace = (metadata: string) =>
  `apiVersion: v1\nkind: Namespace\nmetadata: { name: pay, ${metadata} }\n---\n`
const deployment = (annotations = '{}', labels = '{ app: db, data: pci }') => `apiVersion: apps/v1
kind: Deployment
metadata: { name: db, namespace: pay }
spec:
  template:
    metadata:
      labels: ${labels}
      annotations: ${annotations}
    spec: { containers: [{ name: main, image: none }] }
`
const SAYS = { on: '{ sekisho.dev/firewall: enabled }', off: '{ sekisho.dev/firewall: disabled }' }
const REQUIRE = ['--require', 'data=pci'] as const

test.each<[string, string, readonly string[], number]>([
  ['nothing is said, and the cluster protects', deployment(), REQUIRE, 0],
  ['its pods say no', deployment(SAYS.off), REQUIRE, 1],
  ['a label says no', deployment('{}', '{ data: pci, sekisho.dev/firewall: disabled }'), REQUIRE, 1],
  ['its namespace says no', namespace(`annotations: ${SAYS.off}`) + deployment(), REQUIRE, 1],
  [
    'its namespace says no and its pods yes',
    namespace(`annotations: ${SAYS.off}`) + deployment(SAYS.on),
    REQUIRE,
    0,
  ],
  [
    'its namespace requires it',
    namespace('annotations: { sekisho.dev/firewall: required }') + deployment(SAYS.off),
    REQUIRE,
    0,
  ],
  ['the cluster says no', deployment(), [...REQUIRE, '--firewall', 'disabled'], 1],
  ['the cluster says no and its pods yes', deployment(SAYS.on), [...REQUIRE, '--firewall', 'disabled'], 0],
  ['another is meant', deployment(SAYS.off), ['--require', 'data=public'], 0],
  [
    'one of two selectors means it',
    deployment(SAYS.off),
    ['--require', 'data=public', '--require', 'app in (db)'],
    1,
  ],
  ['a selector that is none', deployment(), ['--require', 'data pci'], 2],
  ['no selector', deployment(), [], 2],
  ['a word that is none', deployment(), [...REQUIRE, '--firewall', 'off'], 2],
  ['a manifest that cannot be read', deployment('{}', '[pci]'), REQUIRE, 1],
])('%s', async (_name, manifests, args, code) => {
  expect((await gate(manifests, ...args)).code).toBe(code)
})

test('what is found says which workload, where, and what to do', async () => {
  const { stdout, stderr } = await gate(deployment(SAYS.off), ...REQUIRE)
  expect(stdout).toContain('/all.yaml:1:1')
  expect(stdout).toContain('Deployment pay/db must be protected and is not')
  expect(stdout).toContain('sekisho.dev/firewall: enabled')
  expect(stderr).not.toContain('Error')
})

test('SARIF for the scanner of a pipeline', async () => {
  const { stdout } = await gate(deployment(SAYS.off), ...REQUIRE, '--sarif')
  const [first] = JSON.parse(stdout).runs[0].results
  expect(first).toMatchObject({ ruleId: 'workload-unprotected', level: 'error' })
})
