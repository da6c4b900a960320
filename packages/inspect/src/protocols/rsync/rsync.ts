import { startsWith } from '../../ascii.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * Rsync's daemon: both sides begin with "@RSYNCD: " and a version.
 */
function recognise({ client, server }: Opening): Recognition {
  const answers = [client, server]
    .filter(bytes => bytes.length > 0)
    .map(bytes => startsWith(bytes, '@RSYNCD: '))
  if (answers.includes('yes')) return certain('greeting "@RSYNCD: "')
  return answers.includes('no') ? NO : MORE
}

export const rsync: Protocol = { application: 'rsync', transports: ['TCP'], recognise }
