import { latin1 } from '../../ascii.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * Mining: JSON on lines. Stratum's methods begin with "mining." (Bitcoin and its kin) or "eth_"; XMRig's are "login",
 * "job", "submit" with an agent or a job.
 */
const METHOD = /"method"\s*:\s*"(?:mining\.[a-z_.]+|eth_(?:submitLogin|getWork|submitWork|submitHashrate))"/
const LOGIN = /"method"\s*:\s*"(?:login|job|submit|keepalived)"/
const LOGIN_PARTS = /"(?:agent|job_id|rigid|pass)"\s*:/

function recognise({ client, server }: Opening): Recognition {
  // Servers pass over blanks before a line, so that they hide nothing.
  const said = [client, server].map(bytes => latin1(bytes, 2_048).trimStart())
  const more = client.length < 2_048 ? MORE : NO
  if (said.every(text => text === '')) return more
  if (said.some(text => text !== '' && !text.startsWith('{'))) return NO
  if (said.some(text => METHOD.test(text))) return certain('method of Stratum')
  if (said.some(text => LOGIN.test(text) && LOGIN_PARTS.test(text))) return certain('login of a miner')
  return said.every(text => !text.includes('\n')) ? more : NO
}

export const stratum: Protocol = { application: 'stratum', transports: ['TCP'], recognise }
