import type { Coverage, Difference, Witness, WitnessEnd } from '@sekisho/policy'
import { Children, type ReactNode } from 'react'
import { useI18n } from '../../../i18n/index.ts'
import { Failure, Icon, type IconName, VerdictBadge } from '../../../ui/index.ts'
import { Considered, Sentences, SmallestChange } from '../Explained.tsx'
import type { Answer, Question } from './question.ts'

function End({ end }: { readonly end: WitnessEnd }) {
  const { t } = useI18n()
  const { name, alike, range } = end
  return (
    <span>
      <b>{name}</b>
      {alike > 1 && <span className="muted"> {t.policies.ask.alike(alike - 1)}</span>}
      {range && range[0] !== range[1] && (
        <span className="muted"> {t.policies.ask.range(range[0], range[1])}</span>
      )}
    </span>
  )
}

function portText({ ports: { protocol, first, last } }: Witness): string {
  return first === last ? `${first}/${protocol}` : `${first}–${last}/${protocol}`
}

function WitnessRow({ witness, children }: { readonly witness: Witness; readonly children: ReactNode }) {
  return (
    <li>
      <span className="ask-flow">
        <End end={witness.source} /> → <End end={witness.destination} /> <code>{portText(witness)}</code>
      </span>
      <span className="muted">{children}</span>
    </li>
  )
}

function Decided({ decision }: Pick<Witness, 'decision'>) {
  const { t } = useI18n()
  return decision.by === undefined ? t.terms.reason[decision.why] : <code>{decision.by}</code>
}

function Changed({ difference }: { readonly difference: Difference }) {
  const { decision, after, certainty } = difference
  const { t } = useI18n()
  if (certainty === 'can') return t.policies.ask.depends
  return (
    <>
      <VerdictBadge outcome={decision.verdict === 'allow' ? 'allowed' : 'denied'} /> →{' '}
      <VerdictBadge outcome={after.verdict === 'allow' ? 'allowed' : 'denied'} /> <Decided decision={after} />
    </>
  )
}

interface ProofProps {
  readonly icon: IconName
  readonly look: 'good' | 'found' | 'open'
  readonly title: string
  readonly covered: Coverage
  readonly children?: ReactNode
}

/** The answer first, then flows that show it, then what was looked at. */
function ProofBox({ icon, look, title, covered, children }: ProofProps) {
  const { t, f } = useI18n()
  const { ask } = t.policies
  return (
    <div className={`proof ${look}`}>
      <p className="proof-title">
        <Icon name={icon} /> <b>{title}</b>
      </p>
      {Children.count(children) > 0 && <ul className="witnesses">{children}</ul>}
      <p className="muted small">
        {ask[covered.complete ? 'covered' : 'incomplete'](f.number(covered.pairs), f.number(covered.pieces))}{' '}
        {look === 'good' && ask.whole} {ask.counted}
      </p>
    </div>
  )
}

const keyOf = ({ source, destination, ports }: Witness): string =>
  `${source.name} ${destination.name} ${ports.protocol} ${ports.first}`

export function AnswerView({ answer, question }: { readonly answer: Answer; readonly question: Question }) {
  const { t } = useI18n()
  const { ask } = t.policies
  switch (answer.kind) {
    case 'misread':
      return <p className="warn">{ask.misread[answer.field]}</p>
    case 'nothing':
      return <p className="warn">{ask.nothing}</p>
    case 'explain': {
      const { outcome, sentences, considered, change } = answer.view
      return (
        <div className="explained">
          <p>
            <VerdictBadge outcome={outcome} />
          </p>
          <Sentences sentences={sentences} />
          <section>
            <h3>{t.flows.panel.considered}</h3>
            <Considered considered={considered} />
          </section>
          {change !== undefined && <SmallestChange change={change} />}
        </div>
      )
    }
    case 'reach': {
      const { found, witnesses, covered } = answer.proof
      const ends = question.kind === 'reach' ? question : { from: '', to: '' }
      const look = found === false ? (covered.complete ? 'good' : 'open') : 'found'
      return (
        <ProofBox
          look={look}
          icon={look === 'good' ? 'lock' : look === 'found' ? 'warning' : 'info'}
          title={ask.reach[`${found}`](ends.from, ends.to)}
          covered={covered}
        >
          {witnesses.map(witness => (
            <WitnessRow key={keyOf(witness)} witness={witness}>
              <Decided decision={witness.decision} />
            </WitnessRow>
          ))}
        </ProofBox>
      )
    }
    case 'difference': {
      const { equivalent, differences, covered } = answer.proof
      const look = equivalent ? (covered.complete ? 'good' : 'open') : 'found'
      return (
        <ProofBox
          look={look}
          icon={equivalent ? 'info' : 'simulate'}
          title={equivalent ? ask.difference.none : ask.difference.some(differences.length)}
          covered={covered}
        >
          {differences.map(difference => (
            <WitnessRow key={keyOf(difference)} witness={difference}>
              <Changed difference={difference} />
            </WitnessRow>
          ))}
        </ProofBox>
      )
    }
  }
}

export function Trouble({ error }: { readonly error: Error }) {
  const { t } = useI18n()
  if (error.name === 'TimeoutError') return <p className="warn">{t.policies.ask.tooLong}</p>
  return error.name === 'AbortError' ? null : <Failure error={error} />
}
