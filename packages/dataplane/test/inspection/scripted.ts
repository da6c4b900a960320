import type { Application, L7Request } from '@sekisho/core'
import { type Conversation, Identifier, type Protocol, type Reading } from '@sekisho/inspect'
import type { FlowFacts, Inspect, Residual, ResidualAnswer, SideDecision } from '@sekisho/policy'
import type { ConversationEnds } from '../../src/inspection/inspector.ts'
import type { AskPolicy } from '../../src/inspection/watch.ts'

export const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, letter => letter.charCodeAt(0))

export const ENDS: ConversationEnds = {
  client: '192.0.2.1',
  server: '192.0.2.2',
  protocol: 'TCP',
  port: 80,
  clientPort: 40_000,
}

export const command = (word: string): L7Request => ({ kind: 'redis', command: word, keys: [] })

const KEPT: Reading = { kind: 'request', request: command('KEPT'), isKept: true }

/** What the scripted protocol's reader says to a word; anything else in capitals is a command. */
const WORDS: Readonly<Record<string, () => Reading>> = {
  user: () => ({ kind: 'detail', detail: 'user', value: 'ada' }),
  names: () => ({ kind: 'names', names: [{ name: 'shop.example', ip: '192.0.2.9', ttl: 5 }] }),
  more: () => ({ kind: 'refined', application: 'stratum', evidence: 'more' }),
  kept: () => KEPT,
  hello: () => ({ kind: 'request', request: { kind: 'tls', sni: 'shop.example' } }),
  bulk: () => ({ kind: 'opaque' }),
  bad: () => ({ kind: 'unreadable', reason: 'bad' }),
  bug: () => {
    throw new TypeError('bug')
  },
}

/** A protocol that begins with one letter, and whose packets are words with blanks between; `alone` leaves the server. */
const scripted = (application: Application, letter: string): Protocol => ({
  application,
  transports: ['TCP', 'UDP'],
  recognise({ client: [first] }) {
    if (first === undefined) return { kind: 'more' }
    return first === letter.charCodeAt(0) ? { kind: 'certain', evidence: letter } : { kind: 'no' }
  },
  open() {
    let isAlone = false
    return {
      read(_side, bytes) {
        const words = String.fromCharCode(...bytes).split(' ')
        isAlone ||= words.includes('alone')
        return words.flatMap(word => WORDS[word]?.() ?? (/^[A-Z]+$/.test(word) ? requestOf(word) : []))
      },
      leaveServer: () => isAlone,
    }
  },
})
const requestOf = (word: string): Reading => ({ kind: 'request', request: command(word) })

/** Knows `redis`, whose conversations begin with `r`, `http` with `h`, `dns` with `d`, `tls` with `t`; nothing else fits. */
export const identifier = (): Identifier =>
  new Identifier({
    protocols: [scripted('redis', 'r'), scripted('http', 'h'), scripted('dns', 'd'), scripted('tls', 't')],
  })
export const conversation = (): Conversation => identifier().open('TCP')

type Verdict = SideDecision['verdict']
export type Failure = Inspect['onFailure']

const side = (verdict: Verdict, inspect?: Inspect): SideDecision => ({
  verdict,
  why: verdict === 'allow' ? 'rule-allow' : 'rule-deny',
  ...(inspect && { inspect }),
})
/** A whole answer, one verdict for Enforce and one with Audit; each may be still open. */
export function answerOf(
  enforced: readonly [Verdict, Failure?],
  audited: readonly [Verdict, Failure?] = enforced,
): ResidualAnswer {
  const decide = ([verdict, onFailure]: readonly [Verdict, Failure?]) => {
    const decided = side(verdict, onFailure && { needs: ['application'], onFailure })
    return { ...decided, direction: 'ingress', egress: side('allow'), ingress: decided } as const
  }
  const [acts, reports] = [decide(enforced), decide(audited)]
  const inspect = acts.inspect ?? reports.inspect
  return { enforced: acts, audited: reports, ...(inspect && { inspect }) }
}

export const ALLOWED = answerOf(['allow'])
export const DENIED = answerOf(['deny'])

/**
 * Policies that allow an application, and of it every request but DEL; what is asked is written down.
 * @param onFailure absent: requests are of no interest, only the application is.
 */
export function askingFor(
  application: Application,
  { requests, onFailure = 'closed' }: { readonly requests: boolean; readonly onFailure?: Failure },
): AskPolicy & { readonly asked: FlowFacts[] } {
  const asked: FlowFacts[] = []
  const ask = (facts: FlowFacts): ResidualAnswer => {
    asked.push(facts)
    if (facts.application === undefined) return answerOf(['deny', onFailure])
    if (facts.application !== application) return DENIED
    if (!requests) return ALLOWED
    if (!facts.request) return answerOf(['deny', onFailure])
    return facts.request.kind === 'redis' && facts.request.command === 'DEL' ? DENIED : ALLOWED
  }
  return Object.assign(ask, { asked })
}

/** Terms as data: whatever is known, one verdict. */
export const settled = (verdict: 'allow' | 'deny'): Residual => ({
  protocol: 'TCP',
  enforce: {
    egress: { kind: 'settled', answer: side('allow') },
    ingress: { kind: 'settled', answer: side(verdict) },
  },
})
