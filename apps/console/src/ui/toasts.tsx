import { useSyncExternalStore } from 'react'
import { useI18n } from '../i18n/index.ts'
import { Button, IconButton } from './Button.tsx'

interface ToastAction {
  readonly label: string
  readonly run: () => void
}

export interface Toast {
  readonly text: string
  readonly tone?: 'ok' | 'failed'
  readonly actions?: readonly ToastAction[]
  /** What it is about; see `dismissAbout`. */
  readonly about?: string
}

interface Shown extends Toast {
  readonly id: number
}

const LASTS_MS = 6_000
const listeners = new Set<() => void>()
let shown: readonly Shown[] = []
let nextId = 1

function show(next: readonly Shown[]): void {
  shown = next
  for (const listener of listeners) listener()
}

const dismiss = (id: number): void => show(shown.filter(toast => toast.id !== id))

/** Takes back what asks for a decision that was made elsewhere. */
export const dismissAbout = (about: string): void => show(shown.filter(toast => toast.about !== about))

/** Says something for a moment. One that asks for a decision, or reports a failure, stays until it is closed. */
export function toast(message: Toast): void {
  const id = nextId++
  show([...shown.slice(-3), { ...message, id }])
  if (!message.actions?.length && message.tone !== 'failed') setTimeout(() => dismiss(id), LASTS_MS)
}

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

export function ToastRegion() {
  const { t } = useI18n()
  const toasts = useSyncExternalStore(subscribe, () => shown)
  return (
    <div className="toasts" role="status" aria-live="polite">
      {toasts.map(({ id, text, tone = 'ok', actions = [] }) => (
        <div key={id} className={`toast ${tone}`}>
          <span>{text}</span>
          {actions.map(({ label, run }) => (
            <Button
              key={label}
              look="quiet"
              onPress={() => {
                dismiss(id)
                run()
              }}
            >
              {label}
            </Button>
          ))}
          <IconButton icon="close" label={t.app.close} onPress={() => dismiss(id)} />
        </div>
      ))}
    </div>
  )
}
