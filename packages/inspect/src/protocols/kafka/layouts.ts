/*
 * Where topics are named in requests (https://kafka.apache.org/protocol, and the message definitions it is made of).
 * Fields are in their order up to the last topic; what follows is passed over. Each has the versions it is in.
 */

/** A number: so many bytes. A text or bytes may be absent. A list has elements of one field, a table has rows of fields. */
export type Type =
  | number
  | 'text'
  | 'bytes'
  | 'topic'
  | { readonly list: Type }
  | { readonly rows: readonly Field[] }
export interface Field {
  readonly type: Type
  readonly from: number
  readonly to: number
}
export interface Layout {
  /** From this version on lengths are compact, and each structure ends with tagged fields. */
  readonly flexible: number
  /** The last version with names: later ones have ids instead, or are not known. */
  readonly last: number
  readonly fields: readonly Field[]
}

const all = (...types: readonly Type[]): readonly Field[] => types.map(type => since(0, type))
const since = (from: number, type: Type): Field => ({ type, from, to: Number.POSITIVE_INFINITY })
const until = (to: number, type: Type): Field => ({ type, from: 0, to })
const between = (from: number, to: number, type: Type): Field => ({ type, from, to })
const rows = (...fields: readonly Field[]): Type => ({ rows: fields })
const PARTITIONS: Type = { list: 4 }
const TOPIC_AND_PARTITIONS = all('topic', PARTITIONS)

/** By the number of their API. */
export const LAYOUTS: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  [
    0, // Produce
    {
      flexible: 9,
      last: 12,
      fields: [since(3, 'text'), ...all(2, 4, rows(...all('topic', rows(...all(4, 'bytes')))))],
    },
  ],
  [
    1, // Fetch
    {
      flexible: 12,
      last: 12,
      fields: [
        ...all(12),
        since(3, 4),
        since(4, 1),
        since(7, 8),
        ...all(
          rows(
            ...all('topic', rows(...all(4), since(9, 4), ...all(8), since(12, 4), since(5, 8), ...all(4))),
          ),
        ),
      ],
    },
  ],
  [
    2, // ListOffsets
    {
      flexible: 6,
      last: 11,
      fields: [
        ...all(4),
        since(2, 1),
        ...all(rows(...all('topic', rows(...all(4), since(4, 4), ...all(8), until(0, 4))))),
      ],
    },
  ],
  [
    3, // Metadata
    { flexible: 9, last: 13, fields: all(rows(since(10, 16), ...all('topic'))) },
  ],
  [
    8, // OffsetCommit
    {
      flexible: 8,
      last: 9,
      fields: [
        ...all('text'),
        since(1, 4),
        since(1, 'text'),
        since(7, 'text'),
        between(2, 4, 8),
        ...all(rows(...all('topic', rows(...all(12), since(6, 4), between(1, 1, 8), ...all('text'))))),
      ],
    },
  ],
  [
    9, // OffsetFetch
    {
      flexible: 6,
      last: 9,
      fields: [
        until(7, 'text'),
        until(7, rows(...TOPIC_AND_PARTITIONS)),
        since(8, rows(...all('text'), since(9, 'text'), since(9, 4), ...all(rows(...TOPIC_AND_PARTITIONS)))),
      ],
    },
  ],
  [
    19, // CreateTopics
    {
      flexible: 5,
      last: 7,
      fields: all(rows(...all('topic', 6, rows(...all(4, PARTITIONS)), rows(...all('text', 'text'))))),
    },
  ],
  [
    20, // DeleteTopics
    {
      flexible: 4,
      last: 6,
      fields: [until(5, { list: 'topic' }), since(6, rows(...all('topic', 16)))],
    },
  ],
  [
    21, // DeleteRecords
    { flexible: 2, last: 2, fields: all(rows(...all('topic', rows(...all(12))))) },
  ],
  [
    23, // OffsetForLeaderEpoch
    {
      flexible: 4,
      last: 4,
      fields: [since(3, 4), ...all(rows(...all('topic', rows(...all(4), since(2, 4), ...all(4)))))],
    },
  ],
  [
    24, // AddPartitionsToTxn
    {
      flexible: 3,
      last: 5,
      fields: [
        until(3, 'text'),
        until(3, 10),
        until(3, rows(...TOPIC_AND_PARTITIONS)),
        since(4, rows(...all('text', 11, rows(...TOPIC_AND_PARTITIONS)))),
      ],
    },
  ],
  [
    28, // TxnOffsetCommit
    {
      flexible: 3,
      last: 5,
      fields: [
        ...all('text', 'text', 10),
        since(3, 4),
        since(3, 'text'),
        since(3, 'text'),
        ...all(rows(...all('topic', rows(...all(12), since(2, 4), ...all('text'))))),
      ],
    },
  ],
  [
    37, // CreatePartitions
    { flexible: 2, last: 3, fields: all(rows(...all('topic', 4, rows(...all(PARTITIONS))))) },
  ],
  [
    47, // OffsetDelete
    {
      flexible: Number.POSITIVE_INFINITY,
      last: 0,
      fields: all('text', rows(...all('topic', rows(...all(4))))),
    },
  ],
  [
    75, // DescribeTopicPartitions
    { flexible: 0, last: 0, fields: all(rows(...all('topic'))) },
  ],
])
