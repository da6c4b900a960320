import type { JSX } from 'react'

/** Drawn for this console on a 16-pixel grid, stroked with 1.5, in the colour of the text. */
const PATHS = {
  overview: <path d="M2.5 12.5a5.5 5.5 0 1 1 11 0M8 12.5l2.6-3.9" />,
  map: (
    <>
      <circle cx="3.8" cy="8" r="1.8" />
      <circle cx="12" cy="3.8" r="1.8" />
      <circle cx="12" cy="12.2" r="1.8" />
      <path d="M5.4 7.2l5-2.6M5.4 8.8l5 2.6" />
    </>
  ),
  flows: <path d="M2 5h11M10.5 2.5L13 5l-2.5 2.5M14 11H3M5.5 8.5L3 11l2.5 2.5" />,
  policies: <path d="M8 1.8l5 1.9v4c0 3.1-2.1 5.5-5 6.5-2.9-1-5-3.4-5-6.5v-4zM5.8 8l1.6 1.6 2.9-3" />,
  events: <path d="M1.5 8.5h3l1.8-5 3 9 1.8-4h3.4" />,
  agents: (
    <>
      <rect x="2.2" y="2.5" width="11.6" height="4.6" rx="1.2" />
      <rect x="2.2" y="8.9" width="11.6" height="4.6" rx="1.2" />
      <path d="M4.8 4.8h.01M4.8 11.2h.01" />
    </>
  ),
  audit: <path d="M4 1.8h6.5L13 4.3v9.9H4zM6.2 6.5h4.6M6.2 9h4.6M6.2 11.5h2.6" />,
  allowed: <path d="M3 8.5l3.3 3.3L13 4.8" />,
  audited: (
    <>
      <path d="M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8z" />
      <circle cx="8" cy="8" r="1.8" />
    </>
  ),
  denied: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="M4 4l8 8" />
    </>
  ),
  search: (
    <>
      <circle cx="7" cy="7" r="4.3" />
      <path d="M10.2 10.2L14 14" />
    </>
  ),
  close: <path d="M3.8 3.8l8.4 8.4M12.2 3.8l-8.4 8.4" />,
  copy: (
    <>
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
      <path d="M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5" />
    </>
  ),
  link: (
    <path d="M6.5 9.5l3-3M7 4.8l1.5-1.5a2.9 2.9 0 0 1 4.2 4.2L11.2 9M9 11.2l-1.5 1.5a2.9 2.9 0 0 1-4.2-4.2L4.8 7" />
  ),
  terminal: <path d="M2.5 4l3.5 4-3.5 4M8 12h5.5" />,
  down: <path d="M4 6l4 4 4-4" />,
  right: <path d="M6 4l4 4-4 4" />,
  arrow: <path d="M2.5 8h11M9.5 4l4 4-4 4" />,
  pause: <path d="M5.5 3.5v9M10.5 3.5v9" />,
  play: <path d="M4.5 3l8 5-8 5z" />,
  theme: (
    <>
      <circle cx="8" cy="8" r="5.5" />
      <path d="M8 2.5a5.5 5.5 0 0 1 0 11z" fill="currentColor" />
    </>
  ),
  language: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M2 8h12M8 2c-4 4.2-4 7.8 0 12M8 2c4 4.2 4 7.8 0 12" />
    </>
  ),
  plus: <path d="M8 3v10M3 8h10" />,
  trash: <path d="M2.5 4.5h11M6 4.5V2.5h4v2M4 4.5l.7 9h6.6l.7-9" />,
  undo: <path d="M5.5 3L2.5 6l3 3M2.5 6h7a4 4 0 0 1 0 8H6" />,
  warning: <path d="M8 2.2l6.3 11.3H1.7zM8 6.5v3.3M8 11.7h.01" />,
  critical: <path d="M5.4 1.8h5.2l3.6 3.6v5.2l-3.6 3.6H5.4l-3.6-3.6V5.4zM8 4.8v4M8 11.2h.01" />,
  info: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 7.5v3.7M8 4.9h.01" />
    </>
  ),
  outside: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M2 8h12M8 2c-4 4.2-4 7.8 0 12M8 2c4 4.2 4 7.8 0 12" />
    </>
  ),
  user: (
    <>
      <circle cx="8" cy="5.2" r="2.7" />
      <path d="M2.8 14c.5-3.2 2.5-4.5 5.2-4.5s4.7 1.3 5.2 4.5" />
    </>
  ),
  clock: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 4.5V8l2.5 1.8" />
    </>
  ),
  suggest: (
    <path d="M7 2l1.3 3.7L12 7 8.3 8.3 7 12 5.7 8.3 2 7l3.7-1.3zM12.5 10.5l.6 1.4 1.4.6-1.4.6-.6 1.4-.6-1.4-1.4-.6 1.4-.6z" />
  ),
  simulate: <path d="M6 2h4M7 2v4.5L3 13a1 1 0 0 0 .9 1.4h8.2A1 1 0 0 0 13 13L9 6.5V2M4.8 10.5h6.4" />,
  lock: (
    <>
      <rect x="3" y="7" width="10" height="7" rx="1.5" />
      <path d="M5.2 7V5a2.8 2.8 0 0 1 5.6 0v2" />
    </>
  ),
  gate: <path d="M2 4.8h12M3.7 2.5v11M12.3 2.5v11M3.7 8.2h3.1M12.3 8.2H9.2" />,
  filter: <path d="M2 3.5h12L9.5 9v4.5l-3-1.5V9z" />,
} as const satisfies Record<string, JSX.Element>

export type IconName = keyof typeof PATHS

/** Decoration only: the text beside it, or the control's label, says what it means. */
export const Icon = ({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) => (
  <svg
    className="icon"
    aria-hidden="true"
    width={size}
    height={size}
    viewBox="0 0 16 16"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.5"
    strokeLinecap="round"
    strokeLinejoin="round"
  >
    {PATHS[name]}
  </svg>
)
