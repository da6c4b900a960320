import { barred, type Row } from '../bench/report.ts'
import type { ReplayedFlow } from './capture/replay.ts'

/** An expected application and what the engine said instead. */
export interface Answer {
  readonly capture: string
  readonly flow: ReplayedFlow | undefined
  /** As the outside data names it. */
  readonly label: string
  /** Each of these is right. */
  readonly expected: readonly string[]
}

type Grade = 'right' | 'wrong' | 'unknown'

/** Right when what was first recognised, or what it turned out to be, is what is expected. */
export function gradeOf({ flow, expected }: Answer): Grade {
  const said = flow?.applications ?? []
  if (said.length === 0) return 'unknown'
  return said.some(application => expected.includes(application)) ? 'right' : 'wrong'
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

const decisions = (answers: readonly Answer[]): readonly number[] =>
  answers.flatMap(({ flow }) => (flow?.packetsToDecide === undefined ? [] : [flow.packetsToDecide]))

const endsOf = ({ flow }: Answer): string =>
  flow
    ? `${flow.client.ip}:${flow.client.port} → ${flow.server.ip}:${flow.server.port} ${flow.protocol}`
    : 'the flow is not in the capture'

function outcomeOf({ flow }: Answer): string {
  if (flow?.unread) return `not read: ${flow.unread}`
  const last = flow?.findings.find(finding => finding.kind === 'unknown' || finding.kind === 'engine-error')
  const evidence = flow?.findings.find(finding => finding.kind === 'identified')?.evidence
  const why = last?.kind === 'unknown' ? last.why : (last?.kind ?? 'no decision')
  return flow?.applications.length ? `${flow.applications.join(', ')} (${evidence})` : why
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a.localeCompare(b)

/** Tells every flow that is not right, then each application's count. */
export function explainAnswers(answers: readonly Answer[], explain: (line: string) => void): void {
  for (const answer of answers) {
    const grade = gradeOf(answer)
    if (grade === 'right') continue
    explain(`${grade}: ${answer.label} in ${answer.capture}, ${endsOf(answer)}: ${outcomeOf(answer)}`)
  }
  for (const [label, all] of [...Map.groupBy(answers, ({ label }) => label)].toSorted(byName)) {
    const of = (grade: Grade) => all.filter(answer => gradeOf(answer) === grade).length
    const packets = median(decisions(all))
    explain(
      `${label}: ${of('right')} right, ${of('wrong')} wrong, ${of('unknown')} unknown, ${packets} packets`,
    )
  }
}

/** The bars that every set of captures is held to. */
export function scoreRows(suite: string, answers: readonly Answer[]): Row[] {
  const count = (grade: Grade) => answers.filter(answer => gradeOf(answer) === grade).length
  const unit = ''
  return [
    barred(
      {
        suite,
        measure: `right, of ${answers.length} flows`,
        value: share(count('right'), answers.length),
        unit,
      },
      '≥',
      0.95,
    ),
    barred({ suite, measure: 'wrong', value: share(count('wrong'), answers.length), unit }, '≤', 0.01),
    barred(
      { suite, measure: 'median until decided', value: median(decisions(answers)), unit: 'packets' },
      '≤',
      2,
    ),
  ]
}

export const engineErrorRow = (suite: string, count: number): Row =>
  barred({ suite, measure: 'errors of our own', value: count, unit: '' }, '≤', 0)

export const reportError =
  (explain: (line: string) => void) =>
  (application: string | undefined, error: unknown): void =>
    explain(`ERROR in ${application ?? 'no reader'}: ${error instanceof Error ? error.stack : String(error)}`)
