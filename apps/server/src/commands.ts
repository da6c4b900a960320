import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  issueJoinToken,
  issueLoginLink,
  issueToken,
  OWNER,
  openAuthority,
} from '@sekisho/control/credentials'
import type { Clock } from '@sekisho/core'
import { openStore, type Store } from '@sekisho/store'
import { databaseIn } from './data.ts'
import type { Command } from './options.ts'

/** Short commands beside a running server: they write to the same database, and what they did is in its audit log. */

const DEFAULT_URL = 'http://127.0.0.1:7443'

function serverUrl(data: string): string {
  const path = join(data, 'server.json')
  if (!existsSync(path)) return DEFAULT_URL
  const { url } = JSON.parse(readFileSync(path, 'utf8')) as { url?: string } // written by the server itself
  return url ?? DEFAULT_URL
}

type Short = Exclude<Command, { kind: 'serve' | 'status' | 'remove-agents' | 'help' }>

function run(
  command: Short,
  store: Store,
  clock: Clock,
): { readonly target: string; readonly output: string } {
  const { accounts } = store
  switch (command.kind) {
    case 'login-link':
      return { target: OWNER, output: `${serverUrl(command.data)}/login#${issueLoginLink(accounts, clock)}` }
    case 'join-token': {
      const authority = openAuthority(command.data, clock)
      const { id, token } = issueJoinToken(accounts, authority, { ...command, clock })
      return { target: id, output: token }
    }
    case 'token': {
      accounts.ensureUser(OWNER)
      const { id, token } = issueToken(accounts, clock, { ...command, user: OWNER })
      return { target: id, output: token }
    }
  }
}

/** @returns what is printed. */
export function runCommand(command: Short, clock: Clock): string {
  using store = openStore({ path: databaseIn(command.data), clock })
  return store.transaction(() => {
    const { target, output } = run(command, store, clock)
    const actor = `uid ${process.getuid?.() ?? 'unknown'}`
    store.audit.append({ actor, action: command.kind, target, result: 'ok', from: 'local', details: '' })
    return output
  })
}
