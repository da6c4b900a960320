import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { expect, test } from 'vitest'
import { parseCommand as parseAgent } from '../../apps/agent/src/options.ts'
import { parseCommand as parseServer } from '../../apps/server/src/options.ts'

const read = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../deploy/debian', name), 'utf8')

/** Arguments of a unit's programs, with what `/etc/default` says where it is not changed. */
function commands(program: string): readonly (readonly string[])[] {
  const environment = parseEnv(read(`${program}.default`))
  return [...read(`${program}.service`).matchAll(/^ExecStart(?:Pre)?=\+?\/usr\/bin\/\S+ (.*)$/gm)].map(
    ([, line = '']) =>
      line
        .replaceAll(/\$(\w+)/g, (_, name: string) => environment[name] ?? '')
        .split(' ')
        .filter(word => word !== ''),
  )
}

test('the agent’s unit says what the agent understands', () => {
  const [prepare = [], run = []] = commands('sekisho-agent')
  expect(parseAgent(prepare, {})).toEqual({ kind: 'prepare', netns: undefined })
  const told = {
    ...parseEnv(read('sekisho-agent.default')),
    SEKISHO_AGENT_SERVER: 'https://gate.example:7444',
  }
  expect(parseAgent(run, told)).toMatchObject({ containers: true, systemd: true, join: undefined })
  expect(() => parseAgent(run, parseEnv(read('sekisho-agent.default')))).toThrow('--server')
})

test('the server’s unit says what the server understands', () => {
  const [run = []] = commands('sekisho-server')
  expect(parseServer(run)).toMatchObject({ ok: true, value: { kind: 'serve' } })
})
