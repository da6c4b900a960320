import type { AgentView } from '@sekisho/control'
import { useAgents } from '../../api/index.ts'
import { entry, useI18n } from '../../i18n/index.ts'
import { Ago, Code, EmptyState, Facts, Icon, Loaded, Page } from '../../ui/index.ts'
import './records.css'

const JOIN_COMMANDS = `sekisho-server join-token
sekisho-agent --server https://SERVER:7444 --join-token TOKEN --state /var/lib/sekisho --node "$(hostname)"`

function Inspection({ now }: { readonly now: NonNullable<AgentView['inspection']> }) {
  const { t, f } = useI18n()
  const { agents } = t.records
  return (
    <span className={now.isListening ? '' : 'warn'}>
      {now.isListening ? agents.inspects(f.number(now.flows)) : agents.notListening}
      {now.restarts > 0 && <span className="muted"> · {agents.restarts(f.number(now.restarts))}</span>}
    </span>
  )
}

function Ledger({ ledger }: Pick<AgentView, 'ledger'>) {
  const { t, f } = useI18n()
  const { agents } = t.records
  const entries = Object.entries(ledger).filter(([, count]) => count > 0)
  return (
    <section>
      <h3 title={agents.ledgerHint}>{agents.ledger}</h3>
      {entries.length === 0 ? (
        <p className="muted">
          <Icon name="allowed" size={14} /> {agents.ledgerEmpty}
        </p>
      ) : (
        <Facts
          facts={entries.map(([code, count]) => [entry(agents.ledgerCodes, code) ?? code, f.number(count)])}
        />
      )}
    </section>
  )
}

function AgentCard({ agent }: { readonly agent: AgentView }) {
  const { t, f } = useI18n()
  const { agents } = t.records
  const { programMs, programErrors } = agent
  return (
    <article className="card agent" aria-labelledby={`agent-${agent.node}`}>
      <header>
        <h2 id={`agent-${agent.node}`}>{agent.node}</h2>
        <span className={agent.connected ? 'badge allowed' : 'badge denied'}>
          <Icon name={agent.connected ? 'allowed' : 'warning'} size={14} />
          {agent.connected ? agents.connected : agents.away}
        </span>
      </header>
      <div className="agent-body">
        <Facts
          facts={[
            [agents.lastSeen, <Ago key="seen" at={agent.lastSeen} />],
            [
              agents.revision,
              <span key="revision" className={agent.upToDate ? '' : 'warn'}>
                {agent.upToDate ? agents.upToDate : agents.behind}{' '}
                <span className="muted">· {agents.revisionNumber(agent.revision)}</span>
              </span>,
            ],
            [agents.workloads, f.number(agent.workloads)],
            [agents.rules, f.number(agent.rules)],
            [
              agents.program,
              <span key="program" title={agents.programHint}>
                {agents.typical(f.milliseconds(programMs.p50))}
                <span className="muted"> · {agents.worst(f.milliseconds(programMs.p99))}</span>
              </span>,
            ],
            [
              agents.errors,
              <span key="errors" className={programErrors > 0 ? 'warn' : ''}>
                {f.number(programErrors)}
              </span>,
            ],
            [agents.inspection, agent.inspection && <Inspection key="inspection" now={agent.inspection} />],
            [agents.version, agent.version],
          ]}
        />
        <Ledger ledger={agent.ledger} />
        {agent.degraded.length > 0 && (
          <section>
            <h3>{agents.degraded}</h3>
            <ul className="degraded">
              {agent.degraded.map(reason => (
                <li key={reason}>
                  <Icon name="warning" size={14} /> {reason}
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </article>
  )
}

export default function AgentsPage() {
  const { t } = useI18n()
  const query = useAgents()
  const { agents } = t.records
  return (
    <Page title={agents.title} intro={agents.intro}>
      <Loaded query={query} rows={8}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState icon="agents" title={agents.empty}>
              <p>{agents.emptyText}</p>
              <Code className="yaml commands">{JOIN_COMMANDS}</Code>
            </EmptyState>
          ) : (
            <div className="agents">
              {items.map(agent => (
                <AgentCard key={agent.node} agent={agent} />
              ))}
            </div>
          )
        }
      </Loaded>
    </Page>
  )
}
