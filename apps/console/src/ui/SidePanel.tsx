import { type ReactNode, useEffect, useId, useRef } from 'react'
import { useI18n } from '../i18n/index.ts'
import { IconButton } from './Button.tsx'

interface SidePanelProps {
  readonly title: ReactNode
  readonly subtitle?: ReactNode
  readonly onClose: () => void
  /** Buttons that stay in view below the scrolling content. */
  readonly footer?: ReactNode
  readonly children: ReactNode
}

/** Details beside the list or map, which stays usable: not modal. Escape closes; focus returns to where it was. */
export function SidePanel({ title, subtitle, onClose, footer, children }: SidePanelProps) {
  const { t } = useI18n()
  const heading = useId()
  const panel = useRef<HTMLElement>(null)
  useEffect(() => {
    const before = document.activeElement
    panel.current?.focus({ preventScroll: true })
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true })
    }
  }, [])

  return (
    <aside
      ref={panel}
      className="side-panel"
      aria-labelledby={heading}
      tabIndex={-1}
      onKeyDown={event => {
        if (event.key === 'Escape' && !event.nativeEvent.isComposing && !event.defaultPrevented) onClose()
      }}
    >
      <header>
        <div>
          <h2 id={heading}>{title}</h2>
          {subtitle && <p className="muted">{subtitle}</p>}
        </div>
        <IconButton icon="close" label={t.app.close} onPress={onClose} />
      </header>
      <div className="side-panel-body">{children}</div>
      {footer && <footer>{footer}</footer>}
    </aside>
  )
}
