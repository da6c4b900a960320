import type { ExpectationResult } from '@sekisho/policy'
import { check, readExpectations } from '@sekisho/policy/prove'
import { texts, UsageError } from '../../arguments.ts'
import { EXIT, type Invocation } from '../../command.ts'
import { modelNow, readCluster, refuse } from './files.ts'
import { witnessText } from './words.ts'

const place = ({ expectation: { place: at } }: ExpectationResult): string =>
  at ? `${at.file}:${at.line}` : ''

const detail = ({ outcome, witness }: ExpectationResult): string =>
  witness ? witnessText(witness) : outcome === 'no-flow' ? 'an end matches nothing: no flow to test' : ''

/** Test Anything Protocol 14. */
function tap(results: readonly ExpectationResult[]): string {
  const lines = results.map((result, at) => {
    const line = `${result.outcome === 'passed' ? 'ok' : 'not ok'} ${at + 1} - ${result.expectation.text}`
    return result.outcome === 'passed'
      ? line
      : `${line}\n  ---\n  message: ${JSON.stringify(detail(result))}\n  at: ${place(result)}\n  ...`
  })
  return ['TAP version 14', `1..${results.length}`, ...lines].join('\n')
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const xml = (value: string): string => value.replace(/[&<>"]/g, character => ENTITIES[character] ?? character)

function junit(results: readonly ExpectationResult[]): string {
  const failures = results.filter(({ outcome }) => outcome !== 'passed').length
  const cases = results.map(result => {
    const { text, place: at } = result.expectation
    const open = `    <testcase name="${xml(text)}" classname="${xml(at?.file ?? '')}"`
    return result.outcome === 'passed'
      ? `${open}/>`
      : `${open}><failure message="${xml(detail(result))}">${xml(place(result))}</failure></testcase>`
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites><testsuite name="sekisho policy test" tests="${results.length}" failures="${failures}">`,
    ...cases,
    '</testsuite></testsuites>',
  ].join('\n')
}

const view = (result: ExpectationResult) => ({
  outcome: result.outcome,
  place: place(result),
  expected: result.expectation.text,
  detail: detail(result),
})

async function print({ values, output }: Invocation, results: readonly ExpectationResult[]): Promise<void> {
  if (values.junit) return output.text(junit(results))
  if (values.tap) return output.text(tap(results))
  return output.list(results.map(view), {
    columns: [
      {
        title: 'RESULT',
        value: shown => output.paint(shown.outcome === 'passed' ? 'green' : 'red', shown.outcome),
      },
      { title: 'WHERE', value: shown => shown.place },
      { title: 'EXPECTED', value: shown => shown.expected },
      { title: 'BUT', value: shown => shown.detail },
    ],
    name: shown => `${shown.outcome} ${shown.expected}`,
  })
}

/** Runs the PolicyTests of the files against their policies; exit code 1 when any expectation does not hold. */
export async function test(invocation: Invocation): Promise<number> {
  const { values, positionals } = invocation
  const manifests = await readCluster(values, [...texts(values, 'filename'), ...positionals.slice(1)])
  const { expectations, problems } = readExpectations(manifests.others)
  refuse(problems)
  if (expectations.length === 0) throw new UsageError('these files hold no expectations (kind: PolicyTest)')
  const model = modelNow(manifests)
  const results = expectations.map(expectation => check(model, expectation))
  await print(invocation, results)
  return results.every(({ outcome }) => outcome === 'passed') ? EXIT.ok : EXIT.failed
}
