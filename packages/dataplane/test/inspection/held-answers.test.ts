import { LIMITS } from '@sekisho/core'
import { expect, test } from 'vitest'
import { HeldAnswers } from '../../src/inspection/held-answers.ts'

const ANSWER = [{ name: 'a.example', ip: '192.0.2.1', ttl: 60 }]

function holding() {
  const asked: number[] = []
  const passed: string[] = []
  const time = { now: 0 }
  const answers = new HeldAnswers({ program: number => asked.push(number), now: () => time.now })
  const tell = (packet: string, names = ANSWER) => {
    answers.note(names)
    answers.tell(() => passed.push(packet))
  }
  return { answers, asked, passed, time, tell }
}

test('a packet without names passes at once, one with names when the kernel knows them', () => {
  const { answers, asked, passed, tell } = holding()
  tell('question', [])
  tell('first')
  tell('second')
  expect([passed, asked, answers.isWaiting]).toEqual([['question'], [1, 2], true])
  answers.programmed(2)
  answers.programmed(2)
  expect(passed).toEqual(['question', 'second'])
  answers.programmed(1)
  expect([passed, answers.isWaiting]).toEqual([['question', 'second', 'first'], false])
})

test('what a packet that does not pass says is not programmed', () => {
  const { answers, asked, passed, tell } = holding()
  answers.note(ANSWER)
  answers.forget()
  tell('next', [])
  expect([asked, passed]).toEqual([[], ['next']])
})

test('an answer for which nothing is done passes after its time, and not again', () => {
  const { answers, passed, time, tell } = holding()
  tell('first')
  time.now = 10
  tell('second')
  time.now = LIMITS.answerHeldMs.value
  answers.expire()
  expect(passed).toEqual(['first'])
  answers.programmed(1)
  time.now += 10
  answers.expire()
  expect(passed).toEqual(['first', 'second'])
})

test('of too many answers those beyond pass at once, and are programmed all the same', () => {
  const { asked, passed, tell } = holding()
  for (let i = 0; i < LIMITS.heldAnswers.value; i++) tell('held')
  tell('beyond')
  expect([passed, asked.length]).toEqual([['beyond'], LIMITS.heldAnswers.value + 1])
})
