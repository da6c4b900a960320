/** Names as Kubernetes checks them (apimachinery, pkg/util/validation); each returns what is wrong, or nothing. */

const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/
const QUALIFIED = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/

/** RFC 1123 label: names of namespaces. */
export function dnsLabel(text: string): string | undefined {
  if (text.length > 63) return 'must be at most 63 characters'
  return DNS_LABEL.test(text)
    ? undefined
    : 'must be lower-case letters, digits and "-", with a letter or digit at both ends'
}

/** RFC 1123 subdomain: names of policies, prefixes of label keys. */
export function dnsSubdomain(text: string): string | undefined {
  if (text.length > 253) return 'must be at most 253 characters'
  return text.split('.').every(part => DNS_LABEL.test(part))
    ? undefined
    : 'must be lower-case letters, digits, "-" and ".", with a letter or digit at both ends of each part'
}

function qualifiedName(text: string): string | undefined {
  if (text.length > 63) return 'must be at most 63 characters'
  return QUALIFIED.test(text)
    ? undefined
    : 'must be letters, digits, "-", "_" and ".", with a letter or digit at both ends'
}

export function labelKey(text: string): string | undefined {
  const slash = text.indexOf('/')
  if (slash < 0) return qualifiedName(text)
  return dnsSubdomain(text.slice(0, slash)) ?? qualifiedName(text.slice(slash + 1))
}

export const labelValue = (text: string): string | undefined =>
  text === '' ? undefined : qualifiedName(text)

/** RFC 6335 section 5.1 as Kubernetes checks it: at most 15 characters, at least one letter. */
export function portName(text: string): string | undefined {
  if (/^\d+$/.test(text)) {
    return `"${text}" in quotes is a port name, and a name needs a letter; write the number without quotes`
  }
  return text.length <= 15 && /^[a-z0-9](?:-?[a-z0-9])*$/.test(text) && /[a-z]/.test(text)
    ? undefined
    : 'a port name is at most 15 lower-case letters, digits and single "-", with at least one letter'
}
