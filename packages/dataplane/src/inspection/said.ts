import { canonicalIp, canonicalName, type FlowDetail, isFlowDetail, type L7Request } from '@sekisho/core'
import type { Finding } from '@sekisho/inspect'

/** Of one packet: who says more at once is not listened to. */
const DETAILS_MAX = 8
const PORT = /:\d{0,5}$/

/** The name that a client wants to reach, as its request says; undefined where it is an address, or none. */
export function hostOf(request: L7Request): string | undefined {
  if (request.kind === 'tls') return named(request.sni)
  return request.kind === 'http' || request.kind === 'grpc' ? named(request.host) : undefined
}

function named(text = ''): string | undefined {
  const host = canonicalName(text.replace(PORT, ''))
  return host === '' || host.startsWith('[') || canonicalIp(host) !== undefined ? undefined : host
}

/** What is recorded of what was found, each once. */
export function detailsOf(findings: readonly Finding[]): readonly FlowDetail[] {
  const said = new Map<string, FlowDetail>()
  for (const finding of findings) {
    const detail = detailOf(finding)
    if (detail && said.size < DETAILS_MAX) said.set(`${detail.detail} ${detail.value}`, detail)
  }
  return [...said.values()]
}

function detailOf(finding: Finding): FlowDetail | undefined {
  if (finding.kind === 'request') {
    const value = hostOf(finding.request)
    return value === undefined ? undefined : { detail: 'host', value }
  }
  if (finding.kind !== 'detail' || !isFlowDetail(finding.detail)) return undefined
  return { detail: finding.detail, value: finding.value }
}
