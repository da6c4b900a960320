import type { PolicyView } from '@sekisho/control'
import { MODES, type Mode } from '@sekisho/core'
import { useState } from 'react'
import { ToggleButton } from 'react-aria-components/ToggleButton'
import { ToggleButtonGroup } from 'react-aria-components/ToggleButtonGroup'
import { useLocation } from 'wouter'
import { ApiError, useApi, usePolicy } from '../../api/index.ts'
import { flowsPlace } from '../../app/places.ts'
import { last } from '../../app/time.ts'
import { useI18n } from '../../i18n/index.ts'
import { Ago, Button, ConfirmDialog, EmptyState, Facts, LinkButton, Loaded, Page } from '../../ui/index.ts'
import { TRIAL_SECONDS, usePolicyChange } from './apply.ts'
import { Workbench } from './Workbench.tsx'

function ModeSwitch({ policy }: { readonly policy: PolicyView }) {
  const { t } = useI18n()
  const api = useApi()
  const { busy, run } = usePolicyChange()
  const [asking, setAsking] = useState(false)
  const { apply } = t.policies
  const set = (mode: Mode) => {
    const enforce = mode === 'Enforce'
    const text = enforce ? apply.enforced : mode === 'Audit' ? apply.audited : apply.applied
    void run(() => api.setMode([policy.id], mode, enforce ? TRIAL_SECONDS : undefined), text)
  }
  return (
    <>
      <ToggleButtonGroup
        className="segments"
        aria-label={t.policies.detail.setMode}
        selectionMode="single"
        disallowEmptySelection
        isDisabled={busy}
        selectedKeys={[policy.mode]}
        onSelectionChange={keys => {
          const mode = MODES.find(candidate => keys.has(candidate))
          if (mode === 'Enforce') setAsking(true)
          else if (mode && mode !== policy.mode) set(mode)
        }}
      >
        {MODES.map(mode => (
          <ToggleButton key={mode} id={mode}>
            {t.terms.mode[mode]}
          </ToggleButton>
        ))}
      </ToggleButtonGroup>
      {asking && (
        <ConfirmDialog
          title={apply.confirmTitle}
          confirm={apply.enforce}
          onConfirm={() => set('Enforce')}
          onClose={() => setAsking(false)}
        >
          <p>{apply.confirmText(1)}</p>
        </ConfirmDialog>
      )}
    </>
  )
}

function DeleteButton({ policy }: { readonly policy: PolicyView }) {
  const { t } = useI18n()
  const api = useApi()
  const [, navigate] = useLocation()
  const { busy, run } = usePolicyChange()
  const [asking, setAsking] = useState(false)
  const words = t.policies.detail
  const remove = async () => {
    if (await run(() => api.deletePolicies([policy.id]), words.deleted)) navigate('/policies')
  }
  return (
    <>
      <Button look="quiet" icon="trash" isDisabled={busy} onPress={() => setAsking(true)}>
        {words.delete}
      </Button>
      {asking && (
        <ConfirmDialog
          danger
          title={words.deleteTitle(policy.name)}
          confirm={words.delete}
          onConfirm={() => void remove()}
          onClose={() => setAsking(false)}
        >
          <p>{words.deleteText(policy.selects)}</p>
        </ConfirmDialog>
      )}
    </>
  )
}

function PolicyDetail({ policy }: { readonly policy: PolicyView }) {
  const { t, f } = useI18n()
  const [yaml, setYaml] = useState(policy.yaml)
  const [saved, setSaved] = useState(policy.yaml)
  // Someone else's change is shown at once, unless it would overwrite what is being typed here.
  if (saved !== policy.yaml) {
    setSaved(policy.yaml)
    if (yaml === saved) setYaml(policy.yaml)
  }
  const { detail, columns } = t.policies
  return (
    <Page
      title={policy.name}
      intro={`${policy.kind} · ${policy.namespace || t.terms.clusterWide}`}
      actions={
        <>
          <DeleteButton policy={policy} />
          <LinkButton href={flowsPlace(`by:${policy.id}`)} icon="flows">
            {detail.flows}
          </LinkButton>
          <ModeSwitch policy={policy} />
        </>
      }
    >
      <div className="policy-facts card">
        <Facts
          facts={[
            [columns.selects, t.policies.selects(policy.selects)],
            [columns.rules, t.policies.rules(policy.rules)],
            [columns.denied, f.number(policy.deniedLastHour)],
            [columns.audited, f.number(policy.auditedLastHour)],
            [
              columns.updated,
              <span key="updated">
                <Ago at={policy.updatedAt} /> {t.policies.by(policy.updatedBy)}
              </span>,
            ],
            [detail.revision, f.number(policy.revision)],
          ]}
        />
      </div>
      <Workbench yaml={yaml} onChange={setYaml} saved={policy.yaml} window={last('1h')} />
    </Page>
  )
}

export default function PolicyPage({ id }: { readonly id: string }) {
  const { t } = useI18n()
  const query = usePolicy(id)
  if (query.error instanceof ApiError && query.error.code === 'not-found') {
    return (
      <EmptyState
        icon="policies"
        title={t.policies.detail.notFound}
        actions={<LinkButton href="/policies">{t.policies.title}</LinkButton>}
      >
        <code>{id}</code>
      </EmptyState>
    )
  }
  return (
    <Loaded query={query} rows={10}>
      {policy => <PolicyDetail policy={policy} />}
    </Loaded>
  )
}
