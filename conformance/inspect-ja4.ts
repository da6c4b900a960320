import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalIp } from '@sekisho/core'
import { Identifier, PROTOCOLS } from '@sekisho/inspect'
import { barred, type Row } from '../bench/report.ts'
import { isBetween } from './capture/ends.ts'
import { type ReplayedFlow, replay } from './capture/replay.ts'
import { engineErrorRow, reportError } from './inspect-score.ts'

/** One stream as the JA4 tool describes it; `JA4.1`, `JA4.2`… are its client hellos. */
type Stream = Readonly<Record<string, string | number>>

const hellosOf = (stream: Stream): readonly string[] =>
  Object.entries(stream).flatMap(([key, value]) => (/^JA4\.\d+$/.test(key) ? [String(value)] : []))

const address = (text: string | number | undefined): string => canonicalIp(String(text)) ?? String(text)

function flowsOf(flows: readonly ReplayedFlow[], stream: Stream): readonly ReplayedFlow[] {
  const a = { ip: address(stream.src), port: Number(stream.srcport) }
  const b = { ip: address(stream.dst), port: Number(stream.dstport) }
  return flows.filter(flow => ['TCP', 'UDP'].some(protocol => isBetween(flow, { protocol, a, b })))
}

const fingerprintsOf = (flows: readonly ReplayedFlow[]): readonly string[] =>
  flows
    .flatMap(flow => flow.findings)
    .flatMap(finding => (finding.kind === 'detail' && finding.detail === 'ja4' ? [finding.value] : []))

const ALPN = [8, 10] as const
const without = (fingerprint: string): string => fingerprint.slice(0, ALPN[0]) + fingerprint.slice(ALPN[1])

/**
 * The tool that made the expected files writes 99 for an ALPN value that is not ASCII; the specification beside them
 * (section "ALPN Extension Value") has hexadecimal digits there, which are not compared then.
 */
const equal = (expected: string, found: string): boolean =>
  expected.slice(...ALPN) === '99' ? without(expected) === without(found) : expected === found

/** Client hellos of captures with known JA4 fingerprints. */
export function ja4(folder: string, explain: (line: string) => void): Row[] {
  const identifier = new Identifier({ protocols: PROTOCOLS, onEngineError: reportError(explain) })
  let [right, all] = [0, 0]
  for (const capture of readdirSync(join(folder, 'pcap'))) {
    const file = readFileSync(join(folder, 'expected/python', `${capture}.json`), 'utf8')
    const flows = replay(join(folder, 'pcap', capture), identifier)
    for (const stream of JSON.parse(file) as readonly Stream[]) {
      const found = fingerprintsOf(flowsOf(flows, stream))
      for (const expected of hellosOf(stream)) {
        all++
        if (found.some(fingerprint => equal(expected, fingerprint))) right++
        else explain(`${expected} in ${capture}, port ${stream.srcport}: found ${found.join(', ') || 'none'}`)
      }
    }
  }
  const suite = 'inspect/ja4'
  return [
    barred(
      { suite, measure: `equal, of ${all} client hellos`, value: all === 0 ? 0 : right / all, unit: '' },
      '≥',
      1,
    ),
    engineErrorRow(suite, identifier.engineErrors),
  ]
}
