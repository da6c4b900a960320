import type { EventSeverity } from '@sekisho/core'
import type { Told } from '@sekisho/dataplane'
import { dnsSentence } from '@sekisho/inspect/dns-security'
import type { Model } from '@sekisho/policy'
import type { NewEvent } from './notes.ts'

/** A name of odd bytes is a thousand characters long as it is written, and the server refuses longer texts with their batch. */
const SHOWN_CHARACTERS = 500
const shown = (text: string): string =>
  text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`

/** What was stopped is worse than what was told. */
const SEVERITY = {
  allow: 'info',
  audit: 'warning',
  sinkhole: 'critical',
  deny: 'critical',
} as const satisfies Record<string, EventSeverity>

/** What a check of DNS found, as an event of the workload that asked; nothing of other notices. */
export function dnsEvents(told: readonly Told[], model: Pick<Model, 'workloadAt'>): readonly NewEvent[] {
  return told.flatMap(({ ends, notice }) => {
    if (notice.kind !== 'dns') return []
    const { profile, action, finding } = notice
    const workload = model.workloadAt(ends.client)
    return [
      {
        code: 'dns-finding',
        severity: SEVERITY[action],
        ...(workload && { workload: workload.id }),
        details: {
          client: ends.client,
          profile,
          action,
          check: finding.check,
          en: shown(dnsSentence(finding, 'en')),
          ja: shown(dnsSentence(finding, 'ja')),
        },
      },
    ]
  })
}
