import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pod } from '../topology.ts'

/** Programs of the world outside, for tests by name: resolvers, and a server that answers for every name. */

function inside(pod: Pod, command: string, ...args: readonly string[]): Disposable {
  const program = spawn('ip', ['netns', 'exec', pod.netns, command, ...args], { stdio: 'ignore' })
  return { [Symbol.dispose]: () => void program.kill() }
}

/** Where programs of a pod ask for names, as `ip netns exec` shows it to them. */
export function askResolver({ netns }: Pod, resolver: string, transport: 'UDP' | 'TCP' = 'UDP'): void {
  mkdirSync(`/etc/netns/${netns}`, { recursive: true })
  const options = `options attempts:3 timeout:5${transport === 'TCP' ? ' use-vc' : ''}`
  writeFileSync(`/etc/netns/${netns}/resolv.conf`, `nameserver ${resolver}\n${options}\n`)
}
export const forgetResolver = ({ netns }: Pod): void =>
  rmSync(`/etc/netns/${netns}`, { recursive: true, force: true })

/** What a resolver answers: both addresses of a name, or of everything below `*.`; or another name. */
export type Zone = Readonly<Record<string, readonly [ip4: string, ip6: string] | string>>

const option = ([name, target]: [string, Zone[string]]): string[] => {
  if (typeof target === 'string') return [`--cname=${name},${target}`]
  if (name.startsWith('*.')) return target.map(ip => `--address=/${name.slice(2)}/${ip}`)
  return [`--host-record=${name},${target.join()}`]
}

/** dnsmasq with short times to live. */
export const serveNames = (pod: Pod, zone: Zone): Disposable =>
  inside(
    pod,
    'dnsmasq',
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--pid-file=',
    '--user=root',
    '--no-resolv',
    '--no-hosts',
    '--local-ttl=1',
    ...Object.entries(zone).flatMap(option),
  )

const CONF = (dir: string) => `
daemon off; pid ${dir}/pid; error_log ${dir}/error.log; worker_processes 1;
events { worker_connections 256; }
http {
  access_log off; client_body_temp_path ${dir}; proxy_temp_path ${dir};
  fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  ssl_certificate ${dir}/cert.pem; ssl_certificate_key ${dir}/key.pem;
  server {
    listen 80; listen [::]:80; listen 443 ssl; listen [::]:443 ssl;
    location / { return 200 "$scheme $host\\n"; }
    location /slow { limit_rate 1k; alias ${dir}/slow; }
  }
}`

/** nginx that answers on 80 and 443 for whatever name is said. */
export function serveSite(pod: Pod): Disposable {
  const dir = mkdtempSync(join(tmpdir(), 'sekisho-site-'))
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    join(dir, 'key.pem'),
  ]
  execFileSync('openssl', ['req', '-x509', ...key, '-out', join(dir, 'cert.pem'), '-subj', '/CN=site'], {
    stdio: 'pipe',
  })
  writeFileSync(join(dir, 'nginx.conf'), CONF(dir))
  writeFileSync(join(dir, 'slow'), new Uint8Array(1_000_000))
  const nginx = inside(pod, 'nginx', '-c', join(dir, 'nginx.conf'))
  return {
    [Symbol.dispose]() {
      nginx[Symbol.dispose]()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
