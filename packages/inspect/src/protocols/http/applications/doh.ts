import type { HttpApplication } from './application.ts'

/** DNS over HTTPS (RFC 8484), where the HTTP can be read. */
export const doh: HttpApplication = {
  application: 'doh',
  paths: /^\/dns-query$/,
  asks: dnsMessage,
  answers: dnsMessage,
}

function dnsMessage(notes: { readonly 'content-type'?: string }): string | undefined {
  return notes['content-type'] === 'application/dns-message'
    ? 'content type "application/dns-message"'
    : undefined
}
