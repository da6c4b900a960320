import { type FilterTerm, formatFilter, formatFilterTerm, parseFilter } from '@sekisho/core'
import { type KeyboardEvent, useId, useRef, useState } from 'react'
import { useI18n } from '../i18n/index.ts'
import { complete, type FilterValues, sameTerm, withTerm } from './filter.ts'
import { Icon } from './Icon.tsx'
import { isComposing } from './keyboard.ts'

interface FilterBarProps {
  /** Filter text of the grammar in core; kept in the address by the page. */
  readonly value: string
  readonly onChange: (value: string) => void
  /** Offered as completions, for example the namespaces on the screen. */
  readonly values?: FilterValues
}

interface ChipProps {
  readonly term: FilterTerm
  readonly onRemove: () => void
  readonly onInvert: () => void
}

function Chip({ term, onRemove, onInvert }: ChipProps) {
  const { t } = useI18n()
  const text = formatFilterTerm(term)
  return (
    <span className={term.not ? 'chip not' : 'chip'}>
      <button type="button" onClick={onInvert} aria-pressed={term.not} title={`${t.app.filter.not}: ${text}`}>
        {term.not && <b>{t.app.filter.not}</b>}
        {term.key !== 'text' && <span className="muted">{t.terms.filterKey[term.key]}</span>} {term.value}
      </button>
      <button type="button" onClick={onRemove} aria-label={t.app.filter.remove(text)}>
        <Icon name="close" size={12} />
      </button>
    </span>
  )
}

/** Chips for what holds, text for what is being typed; Enter turns text into chips, Backspace turns the last one back. */
export function FilterBar({ value, onChange, values = {} }: FilterBarProps) {
  const { t } = useI18n()
  const [draft, setDraft] = useState('')
  const [active, setActive] = useState(-1)
  const [open, setOpen] = useState(false)
  const [unknown, setUnknown] = useState<string>()
  const input = useRef<HTMLInputElement>(null)
  const listId = useId()
  const parsed = parseFilter(value)
  const terms = parsed.ok ? parsed.value : []
  const options = open ? complete(draft, values) : []

  const setTerms = (next: readonly FilterTerm[]) => onChange(formatFilter(next))
  const type = (text: string) => {
    setDraft(text)
    setActive(-1)
    setOpen(true)
    setUnknown(undefined)
  }
  const commit = (text: string) => {
    const added = parseFilter(text)
    if (!added.ok) return setUnknown(added.error)
    if (added.value.length > 0) setTerms(added.value.reduce(withTerm, terms))
    type('')
    setOpen(false)
  }
  const choose = (option: string) => (option.endsWith(':') ? type(option) : commit(option))

  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (isComposing(event)) return
    const chosen = options[active]
    if (event.key === 'Enter' && chosen === undefined) commit(draft)
    else if (event.key === 'Enter' && chosen !== undefined) choose(chosen)
    else if (event.key === 'Tab' && chosen !== undefined) choose(chosen)
    else if (event.key === 'ArrowDown') {
      setOpen(true)
      setActive(Math.min(active + 1, options.length - 1))
    } else if (event.key === 'ArrowUp') setActive(Math.max(active - 1, -1))
    else if (event.key === 'Escape' && options.length > 0) setOpen(false)
    else if (event.key === 'Backspace' && draft === '' && terms.length > 0) {
      const end = terms.at(-1)
      setTerms(terms.slice(0, -1))
      if (end) type(formatFilterTerm(end))
    } else return
    event.preventDefault()
  }

  return (
    <search className="filter-bar" aria-label={t.app.filter.label}>
      <div className="filter-box">
        <Icon name="filter" />
        {terms.map(term => (
          <Chip
            key={formatFilterTerm(term)}
            term={term}
            onRemove={() => setTerms(terms.filter(other => !sameTerm(other, term)))}
            onInvert={() =>
              setTerms(terms.map(other => (other === term ? { ...term, not: !term.not } : other)))
            }
          />
        ))}
        <input
          ref={input}
          value={draft}
          onChange={event => type(event.target.value)}
          onKeyDown={onKeyDown}
          onFocus={() => setOpen(draft !== '')}
          onBlur={() => {
            setOpen(false)
            if (draft !== '') commit(draft)
          }}
          placeholder={terms.length === 0 ? t.app.filter.placeholder : ''}
          aria-label={t.app.filter.add}
          aria-invalid={unknown !== undefined}
          aria-describedby={unknown === undefined ? undefined : `${listId}-unknown`}
          role="combobox"
          aria-expanded={options.length > 0}
          aria-controls={listId}
          aria-activedescendant={active >= 0 ? `${listId}-${active}` : undefined}
          aria-autocomplete="list"
          autoComplete="off"
          spellCheck={false}
        />
        {value !== '' && (
          <button
            type="button"
            className="clear"
            onClick={() => onChange('')}
            aria-label={t.app.filter.clear}
          >
            <Icon name="close" size={14} />
          </button>
        )}
      </div>
      {/* The list must exist while it is controlled, also when it is empty. */}
      <div
        id={listId}
        role="listbox"
        aria-label={t.app.filter.add}
        className="completions"
        hidden={options.length === 0}
      >
        {options.map((option, index) => (
          <div
            key={option}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === active}
            onMouseDown={event => {
              event.preventDefault()
              choose(option)
              input.current?.focus()
            }}
          >
            <code>{option}</code>
          </div>
        ))}
      </div>
      {(unknown ?? (parsed.ok ? undefined : parsed.error)) !== undefined && (
        <p id={`${listId}-unknown`} className="filter-unknown" role="alert">
          {t.app.filter.unknown(unknown ?? (parsed.ok ? '' : parsed.error))}
        </p>
      )}
    </search>
  )
}
