import { type EpochMs, type RuleId, type WorkloadId, workloadId } from '@sekisho/core'
import type { LoggedPacket } from '@sekisho/linux'
import type { Judgement } from '@sekisho/policy'
import { expect, test } from 'vitest'
import { createFlowLog } from '../src/flow-log/flow-log.ts'
import { PREFIX } from '../src/names.ts'

const START = 1_767_225_600_000
const WORKLOADS: Readonly<Record<string, WorkloadId>> = {
  '10.0.0.1': workloadId('pod', 'shop', 'web'),
  '10.0.0.2': workloadId('pod', 'shop', 'db'),
}
const RULE = 'SecurityPolicy/shop/web#egress' as RuleId

/** TCP 10.0.0.1:40000 → 10.0.0.2:5432, SYN: what nflog hands over from the IP header on. */
const SYN = Buffer.from(
  '4500002800014000400600000a0000010a000002' + '9c40153800000001000000005002ffff00000000',
  'hex',
)

/** The policies in this process say "denied"; the kernel logs what its rules say. */
function flowLog() {
  const clock = { time: START as EpochMs, now: () => clock.time, monotonic: () => 0 }
  const judgement: Judgement = {
    outcome: 'denied',
    decision: {
      verdict: 'deny',
      why: 'isolated',
      direction: 'egress',
      by: RULE,
      egress: { verdict: 'deny', why: 'isolated', by: RULE },
      ingress: { verdict: 'allow', why: 'not-selected' },
    },
  }
  const log = createFlowLog({
    clock,
    workloadAt: ip => WORKLOADS[ip],
    isLocal: () => true,
    hasNoAgent: () => false,
    judge: () => judgement,
    ownerOf: () => undefined,
    ruleOf: () => RULE,
    visit: () => Promise.resolve(),
  })
  const logged = (role: 'audit' | 'enforce', atMs: number): LoggedPacket => {
    clock.time = (START + atMs) as EpochMs
    return { prefix: `${PREFIX[role]}k`, mark: 0, payload: SYN, at: clock.time }
  }
  return { log, logged }
}

test('what the kernel judged while a change was on its way there is no disagreement', () => {
  const { log, logged } = flowLog()
  log.modelChanged()
  log.packets([logged('audit', 1_000)])
  expect(log.take().ledger['judgement-disagreements']).toBe(0)
})

test('a kernel that goes on judging otherwise is one', () => {
  const { log, logged } = flowLog()
  log.modelChanged()
  log.packets([logged('audit', 2_000)])
  expect(log.take().ledger['judgement-disagreements']).toBe(1)
})

test('a kernel that judges alike is none', () => {
  const { log, logged } = flowLog()
  log.packets([logged('enforce', 5_000)])
  const { flows, ledger } = log.take()
  expect(ledger['judgement-disagreements']).toBe(0)
  expect(flows).toMatchObject([{ outcome: 'denied', by: RULE, port: 5432 }])
})
