import { type ReactNode, useEffect, useRef, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { useLiveInvalidation, useSession } from '../api/index.ts'
import { useI18n } from '../i18n/index.ts'
import { Icon } from '../ui/index.ts'
import { ToastRegion } from '../ui/toasts.tsx'
import { Banners } from './Banners.tsx'
import { CommandPalette } from './CommandPalette.tsx'
import { LiveIndicator } from './LiveIndicator.tsx'
import { AccountMenu, LanguageMenu, ThemeMenu } from './menus.tsx'
import { PAGES } from './pages.ts'

const isHere = (href: string, path: string): boolean =>
  href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`)

function Navigation() {
  const { t } = useI18n()
  const [path] = useLocation()
  return (
    <nav aria-label={t.app.nav.label}>
      <ul>
        {PAGES.map(([href, name]) => (
          <li key={href}>
            <Link href={href} aria-current={isHere(href, path) ? 'page' : undefined}>
              <Icon name={name} />
              <span>{t.app.nav[name]}</span>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}

/** After a change of page the focus is on its heading, as after the load of a document. */
function useFocusOnNavigation(main: React.RefObject<HTMLElement | null>): void {
  const [path] = useLocation()
  const first = useRef(true)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path is the event
  useEffect(() => {
    if (first.current) first.current = false
    else main.current?.focus({ preventScroll: false })
  }, [path, main])
}

export function Shell({ children }: { readonly children: ReactNode }) {
  const { t } = useI18n()
  const session = useSession().data
  const main = useRef<HTMLElement>(null)
  const [palette, setPalette] = useState(false)
  useLiveInvalidation()
  useFocusOnNavigation(main)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      setPalette(true)
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])

  return (
    <div className="shell">
      <a className="skip" href="#main">
        {t.app.skip}
      </a>
      <div className="rail">
        <Link href="/" className="brand">
          <span className="brand-mark">
            <Icon name="gate" size={18} />
          </span>
          <span className="brand-name">{t.app.name}</span>
        </Link>
        <button
          type="button"
          className="palette-button"
          onClick={() => setPalette(true)}
          title={t.app.palette.open}
        >
          <Icon name="search" />
          <span>{t.app.palette.hint}</span>
          <kbd>Ctrl K</kbd>
        </button>
        <Navigation />
        <div className="rail-foot">
          <LiveIndicator />
          <div className="rail-menus">
            <LanguageMenu />
            <ThemeMenu />
            {session && <AccountMenu session={session} />}
          </div>
        </div>
      </div>
      <div className="content">
        <Banners />
        <main id="main" ref={main} tabIndex={-1}>
          {children}
        </main>
      </div>
      <ToastRegion />
      {palette && <CommandPalette onClose={() => setPalette(false)} />}
    </div>
  )
}
