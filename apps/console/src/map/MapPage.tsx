import type { MapView } from '@sekisho/control'
import { formatFilter, parseFilter } from '@sekisho/core'
import { type KeyboardEvent, useEffect, useMemo, useRef } from 'react'
import { suggestPlace } from '../app/places.ts'
import { last, windowQuery } from '../app/time.ts'
import { useUrlState } from '../app/url.ts'
import { type I18n, useI18n } from '../i18n/index.ts'
import {
  Button,
  EmptyState,
  FilterBar,
  IconButton,
  LinkButton,
  Loaded,
  Page,
  TimeWindowPicker,
  withTerm,
} from '../ui/index.ts'
import { MAP } from './location.ts'
import './map.css'
import { formatTarget, sameTarget, type Target } from './target.ts'
import { Details } from './view/details/Details.tsx'
import { useLiveMap } from './view/live.ts'
import { MapCanvas, type MapHandle } from './view/MapCanvas.tsx'
import { MapTable } from './view/MapTable.tsx'
import { type MapModel, useMapModel } from './view/model.ts'
import { localized } from './view/words.ts'

const enforces = (view: MapView): boolean =>
  view.nodes.some(node => node.ingress === 'enforce' || node.egress === 'enforce')

function Observing({ view }: { readonly view: MapView }) {
  const { t } = useI18n()
  if (view.nodes.length === 0 || enforces(view)) return null
  return (
    <div className="map-observing">
      <b>{t.map.observing.title}</b>
      <p>{t.map.observing.text}</p>
      <LinkButton href={suggestPlace([])} icon="suggest">
        {t.map.observing.action}
      </LinkButton>
    </div>
  )
}

/** A time in a note is written as the reader writes times. */
const inWords = ({ at, ...details }: MapView['notes'][number]['details'], { dateTime }: I18n['f']) =>
  at === undefined ? details : { ...details, at: dateTime(at) }

function Notes({ view }: { readonly view: MapView }) {
  const { t, f } = useI18n()
  if (view.notes.length === 0) return null
  return (
    <ul className="map-notes">
      {view.notes.map(note => (
        <li key={note.code}>{t.map.note(note.code, inWords(note.details, f))}</li>
      ))}
    </ul>
  )
}

function Shown({
  model,
  all,
  onClear,
}: {
  readonly model: MapModel
  readonly all: MapView
  readonly onClear: () => void
}) {
  const { t } = useI18n()
  if (!model.matching) return null
  return (
    <p className="map-shown" role="status">
      {t.map.shown(model.matching.size, all.nodes.length)} – {t.map.filters(model.terms.length)}{' '}
      <button type="button" onClick={onClear}>
        {t.map.clearFilters}
      </button>
    </p>
  )
}

export function MapPage() {
  const { t } = useI18n()
  const [state, update] = useUrlState(MAP)
  const { window, filter, as, view: camera, sel, paused } = state
  const map = useRef<MapHandle>(null)
  const page = useRef<HTMLDivElement>(null)
  const { query, view, denied } = useLiveMap({
    query: windowQuery(window),
    fixed: window.kind === 'fixed',
    paused,
    onActive: keys => map.current?.pulse(keys),
  })
  const shown = useMemo(() => view && localized(view, { t }), [view, t])
  const model = useMapModel(shown, filter)

  const select = (target: Target | undefined) => {
    if (!sameTarget(target, sel)) update({ sel: target }, { replace: false })
  }
  const close = () => {
    update({ sel: undefined })
    if (sel) map.current?.focusOn(sel)
  }
  const setFilter = (text: string) => update({ filter: text, view: undefined })
  const addFilter = (text: string) => {
    const [now, more] = [parseFilter(filter), parseFilter(text)]
    if (more.ok) setFilter(formatFilter(more.value.reduce(withTerm, now.ok ? now.value : [])))
  }
  // What a filter leaves is brought into view; the first view is fitted, or given by the address, already.
  const fitted = useRef(filter)
  useEffect(() => {
    if (fitted.current === filter || !model?.world) return
    fitted.current = filter
    map.current?.fit()
  }, [filter, model])

  const onKeyDown = (event: KeyboardEvent) => {
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement
    if (typing || event.nativeEvent.isComposing || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === '/') page.current?.querySelector<HTMLInputElement>('.filter-bar input')?.focus()
    else if (event.key.toLowerCase() === 't') update({ as: as === 'map' ? 'table' : 'map' })
    else return
    event.preventDefault()
  }

  const values = {
    ns: view?.namespaces.map(({ name }) => name) ?? [],
    workload: view?.nodes.map(node => node.key) ?? [],
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the whole page; each has a button too
    <div ref={page} className="map-page" onKeyDown={onKeyDown}>
      <Page
        fill
        title={t.map.title}
        actions={
          <>
            <ViewSwitch as={as} onChange={next => update({ as: next })} />
            <IconButton
              icon={paused ? 'play' : 'pause'}
              label={paused ? t.map.live.resume : t.map.live.pause}
              onPress={() => update({ paused: !paused })}
            />
            <TimeWindowPicker value={window} onChange={next => update({ window: next })} />
          </>
        }
      >
        <div className="toolbar">
          <FilterBar value={filter} onChange={setFilter} values={values} />
        </div>
        <Loaded query={{ ...query, data: view }}>
          {all =>
            all.nodes.length === 0 ? (
              <EmptyState
                icon="map"
                title={t.map.empty.title}
                actions={<Button onPress={() => update({ window: last('24h') })}>{t.map.empty.widen}</Button>}
              >
                {all.notes.length === 0 ? t.map.empty.text : <Notes view={all} />}
              </EmptyState>
            ) : (
              <div className="split">
                <div className="map-stage">
                  <Observing view={all} />
                  {model && <Shown model={model} all={all} onClear={() => setFilter('')} />}
                  {as === 'table' && model && (
                    <MapTable graph={model.graph} selection={sel} onSelect={select} />
                  )}
                  {as === 'map' && model?.world && (
                    <MapCanvas
                      ref={map}
                      world={model.world}
                      selection={sel}
                      camera={camera}
                      onSelect={select}
                      onMove={next => update({ view: next })}
                    />
                  )}
                  <Notes view={all} />
                </div>
                {sel && model && (
                  <Details
                    key={formatTarget(sel)}
                    graph={model.graph}
                    target={sel}
                    window={window}
                    onSelect={select}
                    onFilter={addFilter}
                    onReveal={target => map.current?.reveal(target)}
                    onClose={close}
                  />
                )}
              </div>
            )
          }
        </Loaded>
        <div className="visually-hidden" aria-live="polite">
          {denied > 0 && t.map.newDenied(denied)}
        </div>
      </Page>
    </div>
  )
}

interface ViewSwitchProps {
  readonly as: 'map' | 'table'
  readonly onChange: (as: 'map' | 'table') => void
}

function ViewSwitch({ as, onChange }: ViewSwitchProps) {
  const { t } = useI18n()
  return (
    // biome-ignore lint/a11y/useSemanticElements: two buttons, not a form's fieldset
    <div className="map-switch" role="group" aria-label={t.map.view.label}>
      {(['map', 'table'] as const).map(kind => (
        <button
          key={kind}
          type="button"
          aria-pressed={as === kind}
          onClick={() => onChange(kind)}
          title={`${t.map.view[kind]} (T)`}
        >
          {t.map.view[kind]}
        </button>
      ))}
    </div>
  )
}
