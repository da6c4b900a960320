import type { Application } from '@sekisho/core'
import { IP_PROTOCOL } from '../packet/header.ts'

/** What is told by the IP protocol number alone, where there are no ports and no conversation. */
export function applicationOfProtocol(number: number): Application | undefined {
  switch (number) {
    case IP_PROTOCOL.ICMP:
    case IP_PROTOCOL.ICMPV6:
      return 'icmp'
    case IP_PROTOCOL.ESP:
    case IP_PROTOCOL.AH:
      return 'ipsec'
    default:
      return undefined
  }
}
