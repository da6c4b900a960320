import { OUTCOME_WORDS } from '@sekisho/policy/outcome-words'
import { plural } from '../plural.ts'

export const flows = {
  title: 'Flows',
  intro: 'Who talked to whom, what was decided, and which rule decided it.',
  table: 'Flows, newest first',
  pause: 'Pause',
  resume: 'Resume',
  newer: (count: number) => `Show ${plural(count, 'new flow')}`,
  shown: (count: number) => plural(count, 'flow'),
  empty: {
    title: 'No flows here',
    filtered: 'Nothing in this time window matches the filter.',
    nothing:
      'Nothing was seen in this time window. New connections appear within seconds, if an agent runs on the workloads’ node.',
    clear: 'Clear filter',
    wider: 'Last 24 hours',
    agents: 'Check the agents',
  },
  direction: 'Decided on',
  sent: 'Sent',
  received: 'Received',
  panel: {
    why: 'Why',
    requests: 'What was asked',
    request: 'Request',
    times: 'Times',
    unnamed: 'others',
    facts: 'What was seen',
    considered: 'Policies considered',
    noPolicies: 'No policy selects either side.',
    change: 'What would change it',
    changeHint: 'The smallest rule that would allow this. Read it before you use it.',
    edit: 'Open in the editor',
    explaining: 'Asking the engine…',
    now: 'As the policies stand now:',
    defaultDeny: 'default deny',
    moreLike: 'Flows between these two',
    map: 'On the map',
    outcome: OUTCOME_WORDS.en,
    filterBy: 'Filter by',
  },
}
