import { Link } from 'wouter'
import { useI18n } from '../../i18n/index.ts'

interface Part {
  readonly look: 'allowed' | 'audited' | 'denied' | 'enforced' | 'none'
  readonly label: string
  readonly count: number
  readonly href?: string
}

/** How a whole divides: a bar for the eye, a list with names and numbers for everyone. */
export function Parts({ parts }: { readonly parts: readonly Part[] }) {
  const { f } = useI18n()
  return (
    <>
      <div className="parts-bar" aria-hidden="true">
        {parts
          .filter(part => part.count > 0)
          .map(part => (
            <span key={part.look} className={part.look} style={{ flexGrow: part.count }} />
          ))}
      </div>
      <ul className="parts">
        {parts.map(({ look, label, count, href }) => (
          <li key={look}>
            <span className={`swatch ${look}`} aria-hidden="true" />
            {href && count > 0 ? <Link href={href}>{label}</Link> : <span>{label}</span>}
            <b>{f.number(count)}</b>
          </li>
        ))}
      </ul>
    </>
  )
}
