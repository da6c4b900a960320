import { describe, expect, test } from 'vitest'
import { type AskPolicy, type Notice, type Step, Watch } from '../../src/inspection/watch.ts'
import {
  ALLOWED,
  answerOf,
  askingFor,
  bytesOf,
  command,
  conversation,
  DENIED,
  type Failure,
} from './scripted.ts'

function watching(ask: AskPolicy, more: { readonly identify?: boolean; readonly isResolver?: boolean } = {}) {
  const notices: Notice[] = []
  const answered: string[] = []
  const watch = new Watch({
    conversation: conversation(),
    ask,
    facts: { names: ['shop.example'] },
    identify: more.identify ?? false,
    isResolver: more.isResolver,
    answered: names => answered.push(...names.map(({ name }) => name)),
    notice: notice => notices.push(notice),
  })
  const say = (...packets: readonly string[]): Step[] =>
    packets.map(packet => watch.read('client', bytesOf(packet)))
  return { watch, notices, answered, say, kinds: () => notices.map(({ kind }) => kind) }
}

describe('before anything is said', () => {
  test.each<[string, AskPolicy, identify: boolean, Step]>([
    ['a verdict that nothing changes needs no look', () => ALLOWED, false, 'release'],
    ['unless the application is to be known', () => ALLOWED, true, 'pass'],
    ['denied whatever comes', () => DENIED, true, 'deny'],
    ['a handshake passes while the verdict is open', () => answerOf(['deny', 'closed']), false, 'pass'],
    ['open for those in Audit', () => answerOf(['allow'], ['deny', 'closed']), false, 'pass'],
    ['denied by those in Audit', () => answerOf(['allow'], ['deny']), false, 'release'],
    [
      'denied whatever those in Audit still ask',
      () => answerOf(['deny'], ['allow', 'closed']),
      false,
      'deny',
    ],
  ])('%s', (_what, ask, identify, step) => {
    const { watch, kinds } = watching(ask, { identify })
    expect(watch.review()).toBe(step)
    expect(kinds()).toEqual([])
  })
})

describe('the application', () => {
  test('decides, and the kernel may have the rest', () => {
    const ask = askingFor('redis', { requests: false })
    const { say, kinds } = watching(ask)
    expect(say('r GET')).toEqual(['release'])
    expect(kinds()).toEqual(['identified'])
    expect(ask.asked).toEqual([
      { names: ['shop.example'] },
      { names: ['shop.example'], application: 'redis' },
    ])
  })

  test('another one is denied, and its packet says why', () => {
    const { watch, say, kinds } = watching(askingFor('redis', { requests: false }))
    expect(say('h GET')).toEqual(['deny'])
    expect(kinds()).toEqual(['identified'])
    expect(watch.answer).toEqual(DENIED)
  })

  test('what is not recognised is unknown to the policies, and not the application', () => {
    const ask = askingFor('redis', { requests: false })
    const { say, notices } = watching(ask)
    expect(say('?')).toEqual(['deny'])
    expect(notices).toEqual([{ kind: 'unknown', why: 'nothing-fits' }])
    expect(ask.asked.at(-1)).toMatchObject({ application: 'unknown' })
  })

  test('is read on from when it turns out to be more', () => {
    const ask = askingFor('redis', { requests: true })
    const { say } = watching(ask)
    expect(say('r', 'GET', 'more')).toEqual(['pass', 'pass', 'deny'])
    expect(ask.asked.at(-1)).toMatchObject({ application: 'stratum' })
  })

  test('is waited for where nobody asks but it is to be known', () => {
    const { watch, say, kinds } = watching(() => ALLOWED, { identify: true })
    expect(watch.review()).toBe('pass')
    expect(say('?')).toEqual(['release'])
    expect(kinds()).toEqual(['unknown'])
  })
})

describe('requests', () => {
  test('each is judged, and nothing behind a denied one is looked at', () => {
    const { watch, say, notices } = watching(askingFor('redis', { requests: true }))
    expect(say('r', 'GET SET', 'GET DEL SET')).toEqual(['pass', 'pass', 'deny'])
    const judged = notices.flatMap(notice => (notice.kind === 'judged' ? [notice] : []))
    expect(judged.map(({ request }) => request)).toEqual(['GET', 'SET', 'GET', 'DEL'].map(command))
    expect(judged.map(({ answer }) => answer)).toEqual([ALLOWED, ALLOWED, ALLOWED, DENIED])
    expect(watch.answer).toEqual(DENIED)
  })

  test('those that only policies in Audit would deny pass', () => {
    const ask: AskPolicy = facts =>
      facts.request ? answerOf(['allow'], ['deny']) : answerOf(['allow', 'open'])
    const { say, notices } = watching(ask)
    expect(say('r DEL GET')).toEqual(['pass'])
    expect(notices).toContainEqual({
      kind: 'judged',
      request: command('DEL'),
      isKept: false,
      answer: answerOf(['allow'], ['deny']),
    })
  })

  test('what is still open once a request is whole was asked for in vain', () => {
    const { say } = watching(facts => answerOf([facts.request ? 'deny' : 'allow', 'open']))
    expect(say('r', 'GET')).toEqual(['pass', 'deny'])
  })

  test('one that is kept is asked about once, until something else is known or policies change', () => {
    const ask = askingFor('redis', { requests: true })
    const { watch, say, notices } = watching(ask)
    const asked = () => ask.asked.filter(({ request }) => request !== undefined).length
    expect(say('r', 'kept', 'kept kept', 'GET kept')).toEqual(['pass', 'pass', 'pass', 'pass'])
    expect(asked()).toBe(3)
    expect(notices.filter(({ kind }) => kind === 'judged')).toHaveLength(5)
    watch.review(ask, { names: ['other.example'] })
    say('kept')
    expect(asked()).toBe(4)
    watch.review(facts => (facts.request ? DENIED : answerOf(['allow', 'open'])))
    expect(say('kept')).toEqual(['deny'])
    expect(watch.answer).toEqual(DENIED)
  })

  test('of a conversation whose verdict is known are not asked about', () => {
    const ask = askingFor('redis', { requests: false })
    const { say, kinds } = watching(ask)
    expect(say('r GET DEL')).toEqual(['release'])
    expect(kinds()).toEqual(['identified'])
  })
})

describe('what cannot be followed', () => {
  const reading = (onFailure: Failure) => watching(askingFor('redis', { requests: true, onFailure }))

  test.each<[string, Failure, Step]>([
    ['bulk', 'closed', 'deny'],
    ['bulk', 'open', 'release'],
    ['bad', 'closed', 'deny'],
    ['bad', 'open', 'release'],
    ['bug', 'closed', 'deny'],
    ['bug', 'open', 'release'],
  ])('%s, %s: %s', (word, onFailure, step) => {
    const { watch, say, notices } = reading(onFailure)
    expect(say('r', 'GET', word)).toEqual(['pass', 'pass', step])
    expect(notices.at(-1)).toEqual({ kind: 'failed', onFailure })
    if (step === 'deny') {
      expect(watch.answer.enforced).toMatchObject({ verdict: 'deny', why: 'engine-error' })
      expect(watch.answer.enforced.inspect).toBeUndefined()
    }
  })

  test('nobody is stopped where only policies in Audit ask', () => {
    const ask: AskPolicy = () => answerOf(['allow'], ['deny', 'closed'])
    const { say, notices } = watching(ask)
    expect(say('r bulk')).toEqual(['release'])
    expect(notices.at(-1)).toEqual({ kind: 'failed', onFailure: 'open' })
  })

  test('is told, and each detail with it', () => {
    const { say, notices } = reading('closed')
    say('r user names')
    say('bad')
    expect(notices.map(({ kind }) => kind)).toEqual(['identified', 'detail', 'names', 'unreadable', 'failed'])
    const failing = reading('open')
    failing.say('r', 'bug')
    expect(failing.kinds()).toEqual(['identified', 'engine-error', 'failed'])
  })

  test('the bulk at the end of a conversation that is allowed is nobody’s failure', () => {
    const { say, kinds } = watching(() => ALLOWED, { identify: true })
    expect(say('r bulk')).toEqual(['release'])
    expect(kinds()).toEqual(['identified'])
  })
})

describe('names', () => {
  test('of a resolver are told for as long as it is read, whatever is allowed', () => {
    const { watch, say, answered } = watching(() => ALLOWED, { isResolver: true })
    expect(watch.review()).toBe('pass')
    expect(say('d', 'names', 'names')).toEqual(['pass', 'pass', 'pass'])
    expect(answered).toEqual(['shop.example', 'shop.example'])
    expect(say('bad')).toEqual(['release'])
  })

  test('of anybody else are believed by nobody', () => {
    const { say, answered, kinds } = watching(() => ALLOWED, { identify: true })
    expect(say('d names')).toEqual(['release'])
    expect([kinds(), answered]).toEqual([['identified', 'names'], []])
  })

  test('a resolver that speaks something else is left to the kernel', () => {
    const { say } = watching(() => ALLOWED, { isResolver: true })
    expect(say('r')).toEqual(['release'])
  })

  test('that the hello of TLS says hold for all that follows it', () => {
    const ask: AskPolicy = facts => (facts.request ? ALLOWED : answerOf(['deny', 'closed']))
    const { watch, say } = watching(ask)
    expect(say('t', 'hello', 'bulk')).toEqual(['pass', 'release', 'release'])
    expect(watch.review(ask, { names: ['other.example'] })).toBe('release')
  })
})

describe('policies that change', () => {
  test('are asked with all that is known', () => {
    const { watch, say } = watching(askingFor('redis', { requests: true }))
    say('r', 'GET')
    const stricter = askingFor('http', { requests: false })
    expect(watch.review(stricter)).toBe('deny')
    expect(stricter.asked).toEqual([{ names: ['shop.example'], application: 'redis' }])
    expect(watch.answer).toEqual(DENIED)
    expect(watch.review(() => ALLOWED)).toBe('release')
    expect(say('DEL')).toEqual(['release'])
  })

  test('may ask for what cannot be read any more', () => {
    const { watch, say } = watching(() => ALLOWED, { identify: true })
    say('r bulk')
    expect(watch.review(() => answerOf(['deny', 'closed']))).toBe('deny')
    expect(watch.review(() => answerOf(['deny', 'open']))).toBe('release')
  })
})

test('whom a client wants to reach is told as long as it changes', () => {
  const { say, notices } = watching(askingFor('tls', { requests: false }), { identify: true })
  say('tls hello hello')
  expect(notices.filter(({ kind }) => kind === 'detail')).toEqual([
    { kind: 'detail', detail: 'host', value: 'shop.example' },
  ])
})
