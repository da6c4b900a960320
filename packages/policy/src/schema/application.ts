import { LIMITS } from '@sekisho/core'
import { PATTERN_WITHIN, PATTERNS } from '../documents/application.ts'
import { exactlyOne, integer, type JsonSchema, list, object, oneOf, text } from './schema.ts'

const PATTERN = object(
  {
    at: integer(0, LIMITS.openingBytes.value - PATTERN_WITHIN.most, {
      description: 'Offset; 0 where it is left out.',
    }),
    text: text(PATTERN_WITHIN.most, undefined, { description: 'Exactly these ASCII characters.' }),
    hex: text(3 * PATTERN_WITHIN.most, undefined, {
      description: 'Exactly these bytes, as pairs of digits; "??" is any.',
    }),
    pattern: text(LIMITS.wordLength.value, undefined, {
      description: 'A regular expression without look-around.',
    }),
    within: integer(1, PATTERN_WITHIN.most, { description: 'Bytes that the pattern may be spread over.' }),
  },
  exactlyOne(['text', 'hex', 'pattern']),
)
const patterns = (description: string): JsonSchema => list(PATTERN, PATTERNS, { description })

const PORTS = object({ port: integer(1, 65_535), endPort: integer(1, 65_535) }, { required: ['port'] })
const SERVERS = object({
  addresses: list(text(43), LIMITS.portsPerRule.value, {
    description: 'Blocks of addresses; any where none is written.',
  }),
  ports: list(PORTS, LIMITS.portsPerRule.value, { description: 'Any where none is written.' }),
})

/** By which bytes an application is known, and where it is taken for granted. */
export const APPLICATION = object(
  {
    transport: oneOf(['TCP', 'UDP']),
    client: patterns('What its client says first; all must fit.'),
    server: patterns('What its server says first; all must fit.'),
    overrides: list(SERVERS, LIMITS.customApplications.value, {
      description: 'Servers that speak it, whatever they say: their conversations are not read.',
    }),
  },
  {
    required: ['transport'],
    'x-kubernetes-validations': [
      {
        rule: 'has(self.client) || has(self.server) || has(self.overrides)',
        message: 'does nothing; write client, server or overrides',
      },
    ],
  },
)
