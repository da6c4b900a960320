import { latin1 } from '../../ascii.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * RTSP 1.0 and 2.0 (RFC 2326, RFC 7826): "METHOD rtsp://… RTSP/1.0" on a line, answers "RTSP/1.0 code reason".
 */
const METHODS =
  'OPTIONS DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN RECORD REDIRECT GET_PARAMETER SET_PARAMETER'.split(' ')
const REQUEST = new RegExp(
  `^(?:${METHODS.join('|')}) (?:rtspu?://[^\\s]{1,1024}|\\*|/[^\\s]{0,1024}) RTSP/[12]\\.0\\r\\n`,
)
const ANSWER = /^RTSP\/[12]\.0 \d{3}/

function recognise({ client, server }: Opening): Recognition {
  const [said, answered] = [latin1(client, 2_048), latin1(server, 32)]
  if (REQUEST.test(said) || ANSWER.test(answered)) return certain('line with "RTSP/1.0"')
  if (said === '' && answered === '') return MORE
  const isBegun =
    !said.includes('\n') &&
    METHODS.some(method => `${method} rtsp`.startsWith(said.slice(0, method.length + 5)))
  return isBegun && said !== '' && answered === '' ? MORE : NO
}

export const rtsp: Protocol = { application: 'rtsp', transports: ['TCP'], recognise }
