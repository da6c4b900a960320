import { useMemo } from 'react'
import { useI18n } from '../../i18n/index.ts'
import { Code } from '../../ui/index.ts'
import { diffLines } from './diff.ts'

const SIGNS = { same: ' ', added: '+', removed: '−' } as const

interface DiffProps {
  readonly before: string
  readonly after: string
}

export function Diff({ before, after }: DiffProps) {
  const { t } = useI18n()
  const lines = useMemo(() => diffLines(before, after), [before, after])
  return (
    <Code className="diff">
      {lines.map(({ kind, text }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line has no other identity than its place
        <span key={index} className={kind}>
          <span aria-hidden="true">{SIGNS[kind]} </span>
          {kind !== 'same' && <span className="visually-hidden">{t.policies.changes[kind]}: </span>}
          {text}
          {'\n'}
        </span>
      ))}
    </Code>
  )
}
