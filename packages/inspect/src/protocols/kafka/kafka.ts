import { latin1 } from '../../ascii.ts'
import { guarded } from '../../guarded.ts'
import { u16, u32 } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { APIS } from './apis.ts'
import { KafkaReader, LENGTH_MAX } from './reader.ts'

/*
 * Kafka (https://kafka.apache.org/protocol): length(32) api(16) version(16) correlation(32) client id(16 and text) …
 * The answer: length(32) correlation(32) …
 */
const VERSIONS = 20

function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  if ((client[0] ?? 0) > 6) return NO
  if (client.length < 14) return (client[4] ?? 0) === 0 ? MORE : NO
  const [length, api, version, name] = [u32(client, 0), u16(client, 4), u16(client, 6), u16(client, 12)]
  if (length < 10 || length > LENGTH_MAX || api >= APIS.length || version > VERSIONS) return NO
  const nameBytes = name === 0xffff ? 0 : name
  if (nameBytes > length - 10 || nameBytes > 1_024) return NO
  if (!/^[\u0020-\u007e]*$/.test(latin1(client.subarray(14, 14 + nameBytes)))) return NO
  if (server.length >= 8)
    return u32(server, 4) === u32(client, 8) ? certain('request and an answer with its number') : NO
  return nameBytes > 0 && api === 18 ? likely('request for the versions') : MORE
}

/** Kafka and what speaks like it: Redpanda, Event Hubs. */
export const kafka: Protocol = {
  application: 'kafka',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new KafkaReader()),
}
