import { useState } from 'react'
import { useLocation } from 'wouter'
import { last } from '../../app/time.ts'
import { optional, useUrlState } from '../../app/url.ts'
import { useI18n } from '../../i18n/index.ts'
import { Page } from '../../ui/index.ts'
import { readDraft } from './draft.ts'
import { Workbench } from './Workbench.tsx'

/** A start that is valid, closed, and shows each part once. */
const TEMPLATE = `apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata:
  name: example
  namespace: default
spec:
  mode: Audit
  subject:
    podSelector:
      matchLabels:
        app: example
  ingress:
    - name: clients
      from:
        - podSelector:
            matchLabels:
              app: client
      ports:
        - protocol: TCP
          port: 8080
`

const NEW = { draft: optional }

export default function NewPolicyPage() {
  const { t } = useI18n()
  const [, navigate] = useLocation()
  const [{ draft }] = useUrlState(NEW)
  const [yaml, setYaml] = useState(() => (draft === undefined ? null : readDraft(draft)) ?? TEMPLATE)
  return (
    <Page title={t.policies.editor.newTitle} intro={t.policies.editor.newIntro}>
      <Workbench yaml={yaml} onChange={setYaml} window={last('1h')} onApplied={() => navigate('/policies')} />
    </Page>
  )
}
