import type { Session } from '@sekisho/control'
import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { Button } from 'react-aria-components/Button'
import { Menu, MenuItem, MenuTrigger } from 'react-aria-components/Menu'
import { Popover } from 'react-aria-components/Popover'
import { KEYS, useApi } from '../api/index.ts'
import { isLocale, LOCALES, useI18n } from '../i18n/index.ts'
import { Icon, type IconName, toast, useFailure } from '../ui/index.ts'
import { PasswordDialog } from './PasswordDialog.tsx'
import { applyTheme, initialTheme, THEMES } from './preferences.ts'

interface RailMenuProps {
  readonly icon: IconName
  readonly label: string
  readonly children: ReactNode
}

const RailMenu = ({ icon, label, children }: RailMenuProps) => (
  <MenuTrigger>
    <span title={label} className="icon-button-box">
      <Button className="icon-button" aria-label={label}>
        <Icon name={icon} />
      </Button>
    </span>
    <Popover className="popover" placement="top start">
      {children}
    </Popover>
  </MenuTrigger>
)

export function LanguageMenu() {
  const { t, locale, setLocale } = useI18n()
  return (
    <RailMenu icon="language" label={t.app.language}>
      <Menu
        className="menu"
        selectionMode="single"
        disallowEmptySelection
        selectedKeys={[locale]}
        onAction={key => isLocale(key) && setLocale(key)}
      >
        {LOCALES.map(option => (
          <MenuItem key={option} id={option} className="menu-item">
            {/* Each language in itself, so that it is found by who needs it. */}
            <span lang={option}>{t.app.languages[option]}</span>
          </MenuItem>
        ))}
      </Menu>
    </RailMenu>
  )
}

export function ThemeMenu() {
  const { t } = useI18n()
  const [theme, setTheme] = useState(initialTheme)
  return (
    <RailMenu icon="theme" label={t.app.theme.label}>
      <Menu className="menu" selectionMode="single" disallowEmptySelection selectedKeys={[theme]}>
        {THEMES.map(option => (
          <MenuItem
            key={option}
            id={option}
            className="menu-item"
            onAction={() => {
              setTheme(option)
              applyTheme(option)
            }}
          >
            {t.app.theme[option]}
          </MenuItem>
        ))}
      </Menu>
    </RailMenu>
  )
}

export function AccountMenu({ session }: { readonly session: Session }) {
  const { t } = useI18n()
  const api = useApi()
  const client = useQueryClient()
  const failure = useFailure()
  const [changing, setChanging] = useState(false)
  const logout = () =>
    api.logout().then(
      () => client.resetQueries({ queryKey: KEYS.session }),
      (error: unknown) => toast({ text: failure(error), tone: 'failed' }),
    )
  return (
    <>
      <RailMenu icon="user" label={`${t.app.account.label}: ${session.user}`}>
        <div className="menu-note">{t.app.account.signedInAs(session.user)}</div>
        <Menu className="menu" aria-label={t.app.account.label}>
          <MenuItem className="menu-item" onAction={() => setChanging(true)}>
            {session.mustSetPassword ? t.app.account.setPassword : t.app.account.changePassword}
          </MenuItem>
          <MenuItem className="menu-item" onAction={() => void logout()}>
            {t.app.account.logout}
          </MenuItem>
        </Menu>
      </RailMenu>
      {changing && <PasswordDialog session={session} onClose={() => setChanging(false)} />}
    </>
  )
}
