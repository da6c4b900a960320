import type { KeyboardEvent } from 'react'

/** Enter and Escape that confirm or cancel a Japanese conversion belong to the input method (Safari reports 229). */
export const isComposing = (event: KeyboardEvent): boolean =>
  event.nativeEvent.isComposing || event.nativeEvent.keyCode === 229
