import type { ReactNode } from 'react'

interface CodeProps {
  readonly className: string
  readonly children: ReactNode
}

/** Text with its own line breaks. Long lines scroll, so the keyboard must be able to come here and scroll them. */
export const Code = ({ className, children }: CodeProps) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable without a mouse
  <pre className={className} tabIndex={0}>
    {children}
  </pre>
)
