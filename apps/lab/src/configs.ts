import {
  MINING_POOL,
  RESOLVER,
  SERVICES,
  type Service,
  SHOP_SITE,
  SITES,
  type Site,
  TUNNEL_ZONE,
} from './cluster.ts'
import { type Plan, podsOf } from './plan.ts'

/** Configuration texts of the Debian programs. Pure: the caller writes them. */

const serviceName = ({ namespace, name }: Service) => `${name}.${namespace}.svc.cluster.local`
const record = (name: string, ip4: string, ip6?: string) =>
  `host-record=${name},${ip4}${ip6 === undefined ? '' : `,${ip6}`}`

const DNSMASQ = ['no-resolv', 'no-hosts', 'no-poll', 'bind-interfaces', 'cache-size=1000']

/** The address that pods have as their resolver, whether or not something answers there. */
const CLUSTER_DNS = SERVICES.find(({ name }) => name === 'kube-dns')?.ip4 ?? ''

/** kube-system/dns: answers for the cluster, asks the internet for the rest. */
export function clusterDns(plan: Plan): string {
  const records = plan.services.map(service => record(serviceName(service), service.ip4, service.ip6))
  const listen = podsOf(plan, 'kube-system', 'dns').flatMap(pod => [pod.ip4, pod.ip6])
  const own = ['local=/cluster.local/', ...records, `server=${RESOLVER}`]
  return [...DNSMASQ, ...listen.map(ip => `listen-address=${ip}`), ...own, ''].join('\n')
}

/** The internet's resolver. Every name below the tunnel's zone exists: that is what a DNS tunnel needs. */
export function internetDns(): string {
  const sites: readonly Site[] = [...Object.values(SITES), SHOP_SITE, MINING_POOL]
  const records = sites.map(site => record(site.name, site.ip4, site.ip6))
  const tunnel = `address=/${TUNNEL_ZONE.name}/${TUNNEL_ZONE.ip4}`
  return [...DNSMASQ, `listen-address=${RESOLVER}`, tunnel, ...records, 'local=/#/', ''].join('\n')
}

/** As the kubelet writes it: short names are searched in the pod's own namespace first. */
export const resolvConf = (namespace: string): string =>
  [
    `search ${namespace}.svc.cluster.local svc.cluster.local cluster.local`,
    `nameserver ${CLUSTER_DNS}`,
    'options ndots:5 timeout:3 attempts:4',
    '',
  ].join('\n')

const nginx = (dir: string, server: string): string => `daemon off;
worker_processes 1;
user root;
pid ${dir}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  server {
    listen 8080;
    listen [::]:8080;
    default_type text/html;
    location = /metrics { stub_status; }
${server}
  }
}
`

/** Names in variables are looked up while running, so the order in which pods start does not matter. */
export const webSite = (dir: string): string =>
  nginx(
    dir,
    `    resolver ${CLUSTER_DNS} valid=10s;
    proxy_connect_timeout 15s;
    proxy_read_timeout 15s;
    set $api http://api.shop.svc.cluster.local;
    set $blog http://legacy-cms.shop.svc.cluster.local;
    location / { return 200 "<h1>Teahouse</h1>\\n"; }
    location /api/ { proxy_pass $api; }
    location /blog/ { proxy_pass $blog; }`,
  )

export const legacySite = (dir: string): string =>
  nginx(dir, '    location / { return 200 "<h1>News from 2009</h1>\\n"; }')
