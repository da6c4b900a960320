import type { SimulationView } from '@sekisho/control'
import { useI18n } from '../../i18n/index.ts'
import { Endpoint, Icon, type IconName, VerdictBadge } from '../../ui/index.ts'
import { RuleLink } from '../flows/FlowPanel.tsx'

interface FigureProps {
  readonly count: number
  readonly label: string
  readonly look: string
  readonly icon: IconName
}

function Figure({ count, label, look, icon }: FigureProps) {
  const { f } = useI18n()
  return (
    <li className={`sim-figure ${look}`}>
      <Icon name={icon} size={18} />
      <b>{f.number(count)}</b>
      <span>{label}</span>
    </li>
  )
}

/** Ports written out in a cell; all of them are in its title. */
const PORTS_SHOWN = 2

function Ports({ ports, protocol }: Pick<SimulationView['groups'][number], 'ports' | 'protocol'>) {
  const hidden = ports.length - PORTS_SHOWN
  if (hidden <= 0) return `${ports.join(', ')}/${protocol}`
  return (
    <span title={ports.join(', ')}>
      {ports.slice(0, PORTS_SHOWN).join(', ')}, <span className="muted">+{hidden}</span>/{protocol}
    </span>
  )
}

function Groups({ groups }: Pick<SimulationView, 'groups'>) {
  const { t, f } = useI18n()
  const { simulation } = t.policies
  return (
    <div className="table-box">
      <table>
        <caption className="visually-hidden">{simulation.groups}</caption>
        <thead>
          <tr>
            <th scope="col">{t.terms.source}</th>
            <th scope="col">{t.terms.destination}</th>
            <th scope="col">{t.terms.port}</th>
            <th scope="col">{simulation.before}</th>
            <th scope="col">{simulation.after}</th>
            <th scope="col">{t.terms.reasonLabel}</th>
            <th scope="col" className="number">
              {t.terms.connections}
            </th>
          </tr>
        </thead>
        <tbody>
          {groups.map(group => (
            <tr
              key={`${group.source.key} ${group.destination.key} ${group.ports.join()}/${group.protocol} ${group.after}`}
            >
              <td>
                <Endpoint end={group.source} />
                {group.attack && <span className="badge denied attack">{simulation.attack}</span>}
              </td>
              <td>
                <Endpoint end={group.destination} />
              </td>
              <td className="mono nowrap">
                <Ports ports={group.ports} protocol={group.protocol} />
              </td>
              <td>
                <VerdictBadge outcome={group.before} />
              </td>
              <td>
                <VerdictBadge outcome={group.after} />
              </td>
              <td>{group.by ? <RuleLink rule={group.by} /> : t.terms.reason[group.why]}</td>
              <td className="number">{f.number(group.connections)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** "1,482 unchanged · 0 legitimate broken · 37 attack attempts denied", and every group that would change. */
export function SimulationResult({ result }: { readonly result: SimulationView }) {
  const { t, f } = useI18n()
  const { simulation } = t.policies
  if (result.flows === 0) return <p className="muted">{simulation.noFlows}</p>
  const broken = result.legitimateBroken > 0
  const verdict = broken
    ? simulation.verdictBad
    : result.groups.length === 0
      ? simulation.verdictEmpty
      : simulation.verdictGood
  return (
    <div className="simulation" role="status">
      <ul className="sim-figures">
        <Figure count={result.unchanged} label={simulation.unchanged} look="neutral" icon="allowed" />
        <Figure
          count={result.legitimateBroken}
          label={simulation.broken}
          look={broken ? 'denied' : 'allowed'}
          icon={broken ? 'warning' : 'allowed'}
        />
        <Figure count={result.attacksDenied} label={simulation.attacks} look="accent" icon="policies" />
        {result.undecided > 0 && (
          <Figure count={result.undecided} label={simulation.undecided} look="audited" icon="search" />
        )}
        {result.newlyAllowed > 0 && (
          <Figure count={result.newlyAllowed} label={simulation.opened} look="audited" icon="plus" />
        )}
      </ul>
      <p className={broken ? 'warn' : ''}>
        <b>{verdict}</b>{' '}
        {result.since && result.until && (
          <span className="muted">
            {simulation.since(f.dateTime(result.since), f.dateTime(result.until))}
          </span>
        )}{' '}
        <span className="muted">{simulation.explained}</span>
      </p>
      {result.groups.length > 0 && <Groups groups={result.groups} />}
    </div>
  )
}
