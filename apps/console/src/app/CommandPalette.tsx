import { type KeyboardEvent, useId, useState } from 'react'
import { useLocation } from 'wouter'
import { usePolicies } from '../api/index.ts'
import { useI18n } from '../i18n/index.ts'
import { Icon, type IconName, isComposing, ModalDialog } from '../ui/index.ts'
import { PAGES } from './pages.ts'
import { flowsPlace, policyPlace } from './places.ts'

interface Command {
  readonly group: string
  readonly icon: IconName
  readonly text: string
  readonly run: () => void
}

/** NFKC and case folded, so that full-width and half-width kana and letters find each other. */
const folded = (text: string): string => text.normalize('NFKC').toLowerCase()

function useCommands(): readonly Command[] {
  const { t, locale, setLocale } = useI18n()
  const [, navigate] = useLocation()
  const policies = usePolicies().data?.items ?? []
  const { palette } = t.app
  const go = (href: string) => () => navigate(href)
  return [
    ...PAGES.map(
      ([href, name]): Command => ({ group: palette.pages, icon: name, text: t.app.nav[name], run: go(href) }),
    ),
    { group: palette.actions, icon: 'suggest', text: palette.suggest, run: go('/policies/suggest') },
    { group: palette.actions, icon: 'plus', text: palette.newPolicy, run: go('/policies/new') },
    { group: palette.actions, icon: 'denied', text: palette.denied, run: go(flowsPlace('verdict:denied')) },
    {
      group: palette.actions,
      icon: 'language',
      text: palette.switchLanguage,
      run: () => setLocale(locale === 'en' ? 'ja' : 'en'),
    },
    ...policies.map(
      ({ id }): Command => ({
        group: palette.policies,
        icon: 'policies',
        text: id,
        run: go(policyPlace(id)),
      }),
    ),
  ]
}

const MOST = 12

export function CommandPalette({ onClose }: { readonly onClose: () => void }) {
  const { t } = useI18n()
  const id = useId()
  const [query, setQuery] = useState('')
  const [active, setActive] = useState(0)
  const wanted = folded(query)
  const found = useCommands()
    .filter(command => folded(command.text).includes(wanted))
    .slice(0, MOST)
  const run = (command: Command | undefined) => {
    if (!command) return
    onClose()
    command.run()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return
    if (event.key === 'ArrowDown') setActive(Math.min(active + 1, found.length - 1))
    else if (event.key === 'ArrowUp') setActive(Math.max(active - 1, 0))
    else if (event.key === 'Enter') run(found[active])
    else return
    event.preventDefault()
  }

  return (
    <ModalDialog title={t.app.palette.label} onClose={onClose}>
      <input
        className="input"
        // biome-ignore lint/a11y/noAutofocus: the dialog is opened to type here
        autoFocus
        value={query}
        onChange={event => {
          setQuery(event.target.value)
          setActive(0)
        }}
        onKeyDown={onKeyDown}
        placeholder={t.app.palette.hint}
        aria-label={t.app.palette.hint}
        role="combobox"
        aria-expanded={found.length > 0}
        aria-controls={`${id}-list`}
        aria-activedescendant={found[active] ? `${id}-${active}` : undefined}
      />
      <div id={`${id}-list`} role="listbox" aria-label={t.app.palette.label} className="palette-list">
        {found.map((command, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled by the input, as a combobox does
          <div
            key={`${command.group} ${command.text}`}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === active}
            className="menu-item"
            onClick={() => run(command)}
          >
            <Icon name={command.icon} />
            <span>{command.text}</span>
            <span className="muted">{command.group}</span>
          </div>
        ))}
      </div>
      {found.length === 0 && <p className="muted">{t.app.palette.empty}</p>}
    </ModalDialog>
  )
}
