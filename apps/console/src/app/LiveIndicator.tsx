import { useLiveState } from '../api/index.ts'
import { useI18n } from '../i18n/index.ts'
import { useNow } from './now.ts'

/** Whether what is on the screen is of now, and if not, of when. */
export function LiveIndicator() {
  const { t, f } = useI18n()
  const state = useLiveState()
  const now = useNow(1_000)
  const text = () => {
    switch (state.kind) {
      case 'connecting':
        return t.app.live.connecting
      case 'connected':
        return t.app.live.connected
      case 'reconnecting':
        return state.lastHeard === undefined
          ? t.app.live.neverHeard
          : t.app.live.reconnecting(f.ago(state.lastHeard, now))
    }
  }
  return (
    <div className={`live ${state.kind}`} title={t.app.live.hint}>
      <span className="live-dot" aria-hidden="true" />
      {/* The words are announced when the state changes, not each second while it is counted. */}
      <span className="visually-hidden" role="status">
        {state.kind === 'connected' ? t.app.live.connected : t.app.live.neverHeard}
      </span>
      <span aria-hidden="true">{text()}</span>
    </div>
  )
}
