import { contentAt } from '../../ber.ts'
import { u16 } from '../../numbers.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * SNMP (RFC 3416, RFC 3412): SEQUENCE, version INTEGER 0, 1 or 3; then a community OCTET STRING and a PDU 0xa0 to 0xa8, or
 * the header SEQUENCE of version 3.
 */
function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  const version = bytes[0] === 0x30 ? contentAt(bytes, 0) : undefined
  if (version === undefined || u16(bytes, version) !== 0x0201) return NO
  const number = bytes[version + 2]
  if (number === 3) return bytes[version + 3] === 0x30 ? certain('version 3 and its header') : NO
  if (number !== 0 && number !== 1) return NO
  const community = bytes[version + 3] === 0x04 ? contentAt(bytes, version + 3) : undefined
  if (community === undefined) return NO
  const pdu = bytes[community + (bytes[version + 4] ?? 0)] ?? 0
  return pdu >= 0xa0 && pdu <= 0xa8 ? certain('version, community and PDU') : NO
}

export const snmp: Protocol = { application: 'snmp', transports: ['UDP'], recognise }
