import type { EventView } from '@sekisho/control'
import { type Dictionary, entry } from '../../i18n/index.ts'

/** `kind:namespace/name` as people say it. */
export const spoken = (workload: string | undefined): string => workload?.replace(/^[a-z]+:/, '') ?? ''

/** The filter's name for a workload: `namespace/name`. */
export const groupOf = (workload: string | undefined): string | undefined =>
  workload === undefined ? undefined : spoken(workload)

/** An event as a sentence. One of a newer agent that this console has no sentence for is shown as its code and details. */
export function sentenceOf(event: EventView, t: Dictionary): string {
  const sentence = entry(t.records.events.codes, event.code)
  if (sentence) return sentence(spoken(event.workload), { node: event.node ?? '–', ...event.details })
  const details = Object.entries(event.details).map(([key, value]) => `${key}=${value}`)
  return [event.code, spoken(event.workload), ...details].filter(Boolean).join(' ')
}
