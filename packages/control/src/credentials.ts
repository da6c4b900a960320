/** What proves who someone is, without the control plane: for short commands, which load nothing else. */
export { issueJoinToken, issueLoginLink, issueToken, OWNER } from './auth/issue.ts'
export { openAuthority } from './pki/authority.ts'
