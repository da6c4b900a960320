import { execFileSync } from 'node:child_process'

/** Of nothing that a bench sends: what counts is that addresses are translated at all. */
const MASQUERADE = [
  'add table inet nat',
  'add chain inet nat post { type nat hook postrouting priority srcnat; }',
  'add rule inet nat post oifname "uplink" masquerade',
  '',
].join('\n')

/**
 * Makes a router what every node with Docker or Kubernetes is: it masquerades, so connection tracking of both families is on, whatever else
 * stands between client and server. The cost of that is the kernel's, and each peer of a bench pays it.
 */
export function masquerade(netns: string): void {
  execFileSync('ip', ['netns', 'exec', netns, 'nft', '-f', '-'], {
    input: MASQUERADE,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
}
