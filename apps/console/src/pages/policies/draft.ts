/** YAML that another page hands to the editor. It is too long for an address, and belongs to this tab alone. */
const KEY = 'sekisho.draft.'

/** Not a hash for safety, only a short name: equal drafts share it, so that a link made at each render stays the same. */
function nameOf(yaml: string): string {
  let hash = 0
  for (const character of yaml) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) | 0
  return (hash >>> 0).toString(36)
}

/** The address of the editor with this text in it. */
export function draftPlace(yaml: string): string {
  const name = nameOf(yaml)
  sessionStorage.setItem(KEY + name, yaml)
  return `/policies/new?draft=${name}`
}

export const readDraft = (name: string): string | null => sessionStorage.getItem(KEY + name)
