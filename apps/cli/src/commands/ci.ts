import {
  compileSelector,
  type LabelSelector,
  PROTECTION_WORDS,
  type ProtectionWord,
  parseSelector,
} from '@sekisho/core'
import { lint } from '@sekisho/policy/lint'
import { text, texts, UsageError, type Values } from '../arguments.ts'
import { type Command, EXIT, type Invocation } from '../command.ts'
import { readCluster } from './offline/files.ts'
import { printFindings } from './offline/lint.ts'

function requiredOf(values: Values): readonly LabelSelector[] {
  const selectors = texts(values, 'require').map(written => {
    const selector = parseSelector(written)
    if (!selector.ok) throw new UsageError(`--require: ${selector.error}`)
    return selector.value
  })
  if (selectors.length === 0) throw new UsageError('say with --require which workloads must be protected')
  return selectors
}

function firewallOf(values: Values): ProtectionWord | undefined {
  const wanted = text(values, 'firewall')
  const word = PROTECTION_WORDS.find(each => each === wanted)
  if (wanted !== undefined && !word)
    throw new UsageError(`--firewall takes ${PROTECTION_WORDS.join(', ')}, not "${wanted}"`)
  return word
}

/** What must be protected and is not keeps a pipeline from going on: exit code 1. */
async function gate(invocation: Invocation): Promise<number> {
  const { values, positionals, output } = invocation
  const mustProtect = requiredOf(values)
  const paths = [...texts(values, 'filename'), ...positionals.slice(1)]
  const manifests = await readCluster(values, paths, { firewall: firewallOf(values) })
  const found = lint(manifests, { mustProtect }).filter(({ id }) => id === 'workload-unprotected')
  await printFindings(found, invocation)
  const tests = mustProtect.map(compileSelector)
  const meant = manifests.workloads.filter(({ labels }) => tests.some(selects => selects(labels)))
  output.progress(
    `${meant.length} of ${manifests.workloads.length} workloads must be protected; ${found.length} are not.`,
  )
  return found.length === 0 ? EXIT.ok : EXIT.failed
}

export const ci: Command = {
  usage:
    'sekisho ci gate --require SELECTOR [PATH…] [-f PATH] [--firewall enabled|disabled|required] [--sarif]',
  options: {
    filename: { type: 'string', short: 'f', multiple: true },
    require: { type: 'string', multiple: true },
    firewall: { type: 'string' },
    sarif: { type: 'boolean' },
  },
  run(invocation) {
    const [verb] = invocation.positionals
    if (verb !== 'gate') throw new UsageError(`sekisho ci takes gate, not "${verb ?? ''}"`)
    return gate(invocation)
  },
}
