import { useState } from 'react'
import { Button as AriaButton } from 'react-aria-components/Button'
import { Dialog, DialogTrigger } from 'react-aria-components/Dialog'
import { Popover } from 'react-aria-components/Popover'
import { DURATIONS, last, type TimeWindow } from '../app/time.ts'
import { type I18n, useI18n } from '../i18n/index.ts'
import { Button } from './Button.tsx'
import { Icon } from './Icon.tsx'

interface TimeWindowPickerProps {
  readonly value: TimeWindow
  readonly onChange: (window: TimeWindow) => void
}

function describe(window: TimeWindow, { t, f }: I18n): string {
  if (window.kind === 'fixed') return t.app.window.fixed(f.dateTime(window.since), f.dateTime(window.until))
  const known = DURATIONS.find(duration => duration === window.duration)
  return known ? t.app.window.last[known] : window.duration
}

/** `datetime-local` speaks local time without a zone. */
const local = (at: number): string => {
  const date = new Date(at)
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

function CustomWindow({ onChange }: Pick<TimeWindowPickerProps, 'onChange'>) {
  const { t } = useI18n()
  const [since, setSince] = useState(() => local(Date.now() - 3_600_000))
  const [until, setUntil] = useState(() => local(Date.now()))
  const valid = since !== '' && until !== '' && since < until
  return (
    <form
      className="custom-window"
      onSubmit={event => {
        event.preventDefault()
        if (valid)
          onChange({
            kind: 'fixed',
            since: new Date(since).toISOString(),
            until: new Date(until).toISOString(),
          })
      }}
    >
      <label>
        {t.app.window.since}
        <input type="datetime-local" value={since} onChange={event => setSince(event.target.value)} />
      </label>
      <label>
        {t.app.window.until}
        <input type="datetime-local" value={until} onChange={event => setUntil(event.target.value)} />
      </label>
      <Button type="submit" isDisabled={!valid}>
        {t.app.window.apply}
      </Button>
    </form>
  )
}

export function TimeWindowPicker({ value, onChange }: TimeWindowPickerProps) {
  const i18n = useI18n()
  const { t } = i18n
  return (
    <DialogTrigger>
      <AriaButton className="button plain" aria-label={`${t.app.window.label}: ${describe(value, i18n)}`}>
        <Icon name="clock" />
        {describe(value, i18n)}
        <Icon name="down" size={14} />
      </AriaButton>
      <Popover className="popover" placement="bottom end">
        <Dialog aria-label={t.app.window.label} className="menu">
          {({ close }) => {
            const pick = (window: TimeWindow) => {
              onChange(window)
              close()
            }
            return (
              <>
                {DURATIONS.map(duration => (
                  <button
                    key={duration}
                    type="button"
                    className="menu-item"
                    aria-current={value.kind === 'last' && value.duration === duration}
                    onClick={() => pick(last(duration))}
                  >
                    {t.app.window.last[duration]}
                  </button>
                ))}
                <CustomWindow onChange={pick} />
              </>
            )
          }}
        </Dialog>
      </Popover>
    </DialogTrigger>
  )
}
