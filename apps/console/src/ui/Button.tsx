import type { ReactNode } from 'react'
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from 'react-aria-components/Button'
import { Link } from 'wouter'
import { Icon, type IconName } from './Icon.tsx'

type Look = 'primary' | 'plain' | 'quiet' | 'danger'

interface ButtonProps extends Omit<AriaButtonProps, 'className' | 'children' | 'style'> {
  readonly look?: Look
  readonly icon?: IconName
  readonly children: ReactNode
  readonly className?: string
}

export const Button = ({ look = 'plain', icon, children, className = '', ...props }: ButtonProps) => (
  <AriaButton {...props} className={`button ${look} ${className}`}>
    {icon && <Icon name={icon} />}
    {children}
  </AriaButton>
)

interface IconButtonProps extends Omit<AriaButtonProps, 'className' | 'children' | 'style'> {
  readonly icon: IconName
  /** What it does; read out and shown as the tooltip. */
  readonly label: string
}

export const IconButton = ({ icon, label, ...props }: IconButtonProps) => (
  <span title={label} className="icon-button-box">
    <AriaButton {...props} aria-label={label} className="icon-button">
      <Icon name={icon} />
    </AriaButton>
  </span>
)

interface LinkButtonProps {
  readonly href: string
  readonly look?: Look
  readonly icon?: IconName
  readonly children: ReactNode
}

export const LinkButton = ({ href, look = 'plain', icon, children }: LinkButtonProps) => (
  <Link href={href} className={`button ${look}`}>
    {icon && <Icon name={icon} />}
    {children}
  </Link>
)
