import type { CaptureEnd, ReplayedFlow } from './replay.ts'

/** A flow as outside data names it; who of both opened it is not always told. */
export interface Ends {
  readonly protocol: string
  readonly a: CaptureEnd
  readonly b: CaptureEnd
}

const same = (x: CaptureEnd, y: CaptureEnd): boolean => x.ip === y.ip && x.port === y.port

/** Without ports, the addresses alone. */
export function isBetween({ protocol, client, server }: ReplayedFlow, ends: Ends): boolean {
  if (protocol !== ends.protocol) return false
  if (client.port + server.port === 0) {
    return [client.ip, server.ip].toSorted().join() === [ends.a.ip, ends.b.ip].toSorted().join()
  }
  return (same(client, ends.a) && same(server, ends.b)) || (same(server, ends.a) && same(client, ends.b))
}
