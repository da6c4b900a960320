import { expect, test } from 'vitest'
import { isLoopback, parseCommand } from '../src/options.ts'

test.each<[string, string[], object]>([
  [
    'nothing',
    [],
    { kind: 'serve', options: expect.objectContaining({ listen: { host: '127.0.0.1', port: 7443 } }) },
  ],
  [
    'agents that are to go',
    ['remove-agents', '--pod', '{"initContainers":[{"name":"remove"}]}'],
    { kind: 'remove-agents', pod: { initContainers: [{ name: 'remove' }] } },
  ],
  [
    'IPv6',
    ['--listen', '[::1]:1'],
    { kind: 'serve', options: expect.objectContaining({ listen: { host: '::1', port: 1 } }) },
  ],
  [
    'no host: all',
    ['--agents', ':7444'],
    { kind: 'serve', options: expect.objectContaining({ agents: { host: '0.0.0.0', port: 7444 } }) },
  ],
  [
    'names',
    ['--name', 'a', '--name', 'b'],
    { kind: 'serve', options: expect.objectContaining({ names: ['a', 'b'] }) },
  ],
  [
    'a cluster whose policies are only watched',
    ['--kubernetes', '--network-policies', 'Audit'],
    { kind: 'serve', options: expect.objectContaining({ kubernetes: { networkPolicies: 'Audit' } }) },
  ],
  [
    'a cluster whose pods ask to be protected',
    ['--kubernetes', '--firewall', 'disabled'],
    { kind: 'serve', options: expect.objectContaining({ kubernetes: { firewall: 'disabled' } }) },
  ],
  [
    'a webhook that guards protection',
    ['--kubernetes', '--webhook', ':1', '--guard', '--guard-exempt', 'kube-system'],
    {
      kind: 'serve',
      options: expect.objectContaining({
        kubernetes: { webhook: { host: '0.0.0.0', port: 1 }, guardExempt: ['kube-system'] },
      }),
    },
  ],
  [
    'a cluster whose pods are told',
    ['--kubernetes', '--pod-conditions'],
    { kind: 'serve', options: expect.objectContaining({ kubernetes: { podConditions: true } }) },
  ],
  ['login-link', ['login-link', '--data', '/d'], { kind: 'login-link', data: '/d' }],
  [
    'join-token',
    ['join-token', '--data', '/d', '--node', 'n'],
    { kind: 'join-token', data: '/d', minutes: 60, node: 'n' },
  ],
  ['token', ['token', '--data', '/d', '--name', 'ci'], { kind: 'token', data: '/d', name: 'ci', days: 90 }],
  ['status', ['status', '--data', '/d'], { kind: 'status', data: '/d' }],
  ['help', ['--help'], { kind: 'help' }],
])('%s', (_name, args, command) => {
  expect(parseCommand(args)).toEqual({ ok: true, value: command })
})

test.each<[string, string[], number]>([
  ['an unknown option', ['--colour'], 1],
  ['an unknown command', ['dance'], 1],
  ['two commands', ['login-link', 'join-token'], 1],
  [
    'every mistake at once',
    ['--listen', 'nowhere', '--agents', 'a:99999', '--retention-days', '0', '--retention-gb', 'x'],
    4,
  ],
  ['a mode that is none', ['--kubernetes', '--network-policies', 'audit'], 1],
  ['a mode for no cluster', ['--network-policies', 'Audit'], 1],
  ['a word that says nothing of protection', ['--kubernetes', '--firewall', 'off'], 1],
  ['a guard whom nobody asks', ['--kubernetes', '--guard'], 1],
  ['a pod that is none', ['remove-agents', '--pod', '['], 1],
  ['a pod that undoes nothing', ['remove-agents', '--pod', '{"containers":[{}]}'], 1],
  ['minutes out of range', ['join-token', '--minutes', '0'], 1],
])('%s is refused', (_name, args, mistakes) => {
  const parsed = parseCommand(args)
  expect(parsed.ok ? [] : parsed.error).toHaveLength(mistakes)
})

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['localhost.example', false],
  ['::ffff:127.0.0.1', true],
])('%s is loopback: %s', (host, loopback) => expect(isLoopback(host)).toBe(loopback))
