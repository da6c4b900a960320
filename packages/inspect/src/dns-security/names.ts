/** Whether a name is the zone or below it. */
export const isWithin = (name: string, zone: string): boolean =>
  zone === '' || name === zone || (name.length > zone.length && name.endsWith(`.${zone}`))

/** Names of addresses: `4.3.2.1.in-addr.arpa`, and of IPv6 a label for each half of a byte. */
export const isReverse = (name: string): boolean => /^(?:[\da-f/-]{1,7}\.)*(?:in-addr|ip6)\.arpa$/.test(name)
