import { latin1 } from '../../ascii.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * SIP (RFC 3261): "METHOD uri SIP/2.0" on a line, answers "SIP/2.0 code reason". Clients keep a path open with CR LF.
 */
const REQUEST =
  /^(?:\r\n)*(?:INVITE|ACK|BYE|CANCEL|REGISTER|OPTIONS|PRACK|SUBSCRIBE|NOTIFY|PUBLISH|INFO|REFER|MESSAGE|UPDATE) [^\r\n]{1,1024} SIP\/2\.0\r\n/
const ANSWER = /^(?:\r\n)*SIP\/2\.0 [1-6]\d\d [^\r\n]*\r\n/
const BEGINS =
  /^(?:\r\n)*(?:I(?:N(?:V(?:I(?:T(?:E)?)?)?|F(?:O)?)?)?|A(?:CK?)?|B(?:YE?)?|C[A-Z]{0,5}|R[A-Z]{0,7}|O[A-Z]{0,6}|P[A-Z]{0,6}|S[A-Z]{0,8}|N[A-Z]{0,5}|M[A-Z]{0,6}|U[A-Z]{0,5})(?: (?:(?:sip|sips|tel):?[^\r\n]*)?)?$/

function recognise({ client, server, transport }: Opening): Recognition {
  const sides = [client, server].filter(bytes => bytes.length > 0).map(bytes => latin1(bytes, 2_048))
  if (sides.length === 0) return MORE
  if (sides.some(said => REQUEST.test(said) || ANSWER.test(said))) return certain('line with "SIP/2.0"')
  return transport === 'TCP' && sides.every(said => BEGINS.test(said)) ? MORE : NO
}

export const sip: Protocol = { application: 'sip', transports: ['TCP', 'UDP'], recognise }
