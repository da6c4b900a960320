import { DNS_ACTIONS, DNS_ANSWER_ACTIONS, LIMITS, MOST_SINKHOLES } from '@sekisho/core'
import { LISTS } from '../documents/dns-profile.ts'
import { integer, type JsonSchema, list, object, oneOf, text } from './schema.ts'

const ACTION = oneOf(DNS_ACTIONS)
const ANSWER_ACTION = oneOf(DNS_ANSWER_ACTIONS)
const WORDS = LIMITS.wordsPerList.value
const NAMES = list(text(254), WORDS)
const BLOCKS = list(text(43), WORDS)

const check = (description: string, more: Readonly<Record<string, JsonSchema>>): JsonSchema =>
  object({ action: ACTION, ...more }, { description })

const DNS = object(
  {
    resolvers: check('The only resolvers that may be asked.', { addresses: BLOCKS }),
    answers: object(
      { unasked: ANSWER_ACTION, changed: ANSWER_ACTION, foreign: ANSWER_ACTION },
      { description: 'Answers that nobody asked for, that differ from the first, or are about other names.' },
    ),
    rebinding: object(
      { action: ANSWER_ACTION, names: NAMES, addresses: BLOCKS },
      { description: 'Names of the Internet that lead into a private network.' },
    ),
    tunnels: check('Data in the names of questions.', {
      windowSeconds: integer(1, 3_600),
      bytes: integer(100, 1_000_000),
    }),
    generated: check('Names that a program made up.', {
      score: { type: 'number', minimum: 0, maximum: 1 },
      burst: object({ action: ACTION, names: integer(2, 100) }),
    }),
    lookAlikes: check('Names that look like these.', { names: NAMES }),
    newNames: check('Domains that nobody asked for before.', { learnSeconds: integer(0, 31_536_000) }),
    lists: list(object({ name: text(63), action: ACTION }, { required: ['name'] }), LISTS, {
      description: 'Lists of domains that agents have, by name.',
    }),
    allow: list(text(254), WORDS, { description: 'Names that no check is about.' }),
    zones: list(text(254), WORDS, { description: 'Zones of one’s own, beside the usual ones.' }),
    sinkhole: object(
      { addresses: list(text(39), MOST_SINKHOLES), ttlSeconds: integer(0, 86_400) },
      { description: 'What is answered instead; that there is no such name where no address is written.' },
    ),
  },
  { description: 'What is checked of DNS; what is left out is told, and nothing is stopped.' },
)

/** A named set of inspections that the allowed traffic of policies goes through. */
export const SECURITY_PROFILE = object({ dns: DNS }, { required: ['dns'] })
