import type { HttpApplication } from './application.ts'

/** HTTP API of Consul, version 1. Vault has "/v1/" too, so only what is Consul's own counts. */
export const consul: HttpApplication = {
  application: 'consul',
  paths:
    /^\/v1\/(?:catalog\/(?:services?|nodes?|datacenters|register|deregister)|health\/(?:service|node|checks|state|connect)|agent\/(?:self|members|services?|checks?))(?:\/|$)/,
  asks: notes => (notes['x-consul-token'] === undefined ? undefined : 'header "X-Consul-Token"'),
  answers: notes =>
    (notes['x-consul-index'] ?? notes['x-consul-effective-consistency']) === undefined
      ? undefined
      : 'header "X-Consul-…"',
}
