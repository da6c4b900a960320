import type { Session } from '@sekisho/control'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useId, useState } from 'react'
import { KEYS, useApi } from '../api/index.ts'
import { useI18n } from '../i18n/index.ts'
import { Button, ModalDialog, toast, useFailure } from '../ui/index.ts'

const MIN_LENGTH = 12

interface PasswordDialogProps {
  readonly session: Session
  readonly onClose: () => void
}

export function PasswordDialog({ session, onClose }: PasswordDialogProps) {
  const { t } = useI18n()
  const api = useApi()
  const client = useQueryClient()
  const failure = useFailure()
  const id = useId()
  const [current, setCurrent] = useState('')
  const [password, setPassword] = useState('')
  const [error, setError] = useState<string>()

  const save = async (event: FormEvent) => {
    event.preventDefault()
    try {
      client.setQueryData(KEYS.session, await api.setPassword(password, current || undefined))
      toast({ text: t.app.account.passwordSet })
      onClose()
    } catch (reason) {
      setError(failure(reason))
    }
  }

  return (
    <ModalDialog
      title={session.mustSetPassword ? t.app.account.setPassword : t.app.account.changePassword}
      onClose={onClose}
    >
      <form className="form" onSubmit={event => void save(event)}>
        <input type="hidden" name="username" autoComplete="username" value={session.user} />
        {!session.mustSetPassword && (
          <div className="field">
            <label htmlFor={`${id}-current`}>{t.app.account.current}</label>
            <input
              id={`${id}-current`}
              type="password"
              autoComplete="current-password"
              required
              value={current}
              onChange={event => setCurrent(event.target.value)}
            />
          </div>
        )}
        <div className="field">
          <label htmlFor={`${id}-next`}>{t.app.account.next}</label>
          <input
            id={`${id}-next`}
            type="password"
            autoComplete="new-password"
            required
            minLength={MIN_LENGTH}
            aria-describedby={`${id}-rule`}
            value={password}
            onChange={event => setPassword(event.target.value)}
          />
          <p id={`${id}-rule`} className="muted">
            {t.app.account.rule}
          </p>
        </div>
        {error && (
          <p role="alert" className="form-error">
            {error}
          </p>
        )}
        <div className="actions end">
          <Button onPress={onClose}>{t.app.account.later}</Button>
          <Button type="submit" look="primary" isDisabled={password.length < MIN_LENGTH}>
            {t.app.account.save}
          </Button>
        </div>
      </form>
    </ModalDialog>
  )
}
