import { readFileSync, writeFileSync } from 'node:fs'
import { inNetns } from './netns.ts'

/** `net.netfilter.nf_conntrack_acct`, or with slashes where an interface name holds a dot. */
function sysctlPath(key: string): string {
  const parts = key.includes('/') ? key.split('/') : key.split('.')
  if (parts[0] !== 'net' || parts.some(part => part === '' || part === '..' || part === '.')) {
    throw new TypeError(`not a network setting: ${JSON.stringify(key)}`)
  }
  return `/proc/sys/${parts.join('/')}`
}

/** Network settings belong to the namespace of the thread that opens the file. */
export function setSysctl(netns: string | undefined, key: string, value: string | number): void {
  const path = sysctlPath(key)
  inNetns(netns, () => writeFileSync(path, String(value)))
}

export function getSysctl(netns: string | undefined, key: string): string {
  const path = sysctlPath(key)
  return inNetns(netns, () => readFileSync(path, 'utf8').trim())
}

/**
 * Makes the kernel count packets and bytes and note the start of each *new* connection. Without it flows have
 * no volume; connections that exist already stay uncounted.
 */
export function enableAccounting(netns?: string): void {
  for (const name of ['acct', 'timestamp', 'events']) {
    const key = `net.netfilter.nf_conntrack_${name}`
    // Containers that are not privileged see settings read-only; then somebody else has set them before.
    if (getSysctl(netns, key) !== '1') setSysctl(netns, key, 1)
  }
}
