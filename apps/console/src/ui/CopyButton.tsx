import { useI18n } from '../i18n/index.ts'
import { Button } from './Button.tsx'
import type { IconName } from './Icon.tsx'
import { toast } from './toasts.tsx'

interface CopyButtonProps {
  /** Called when pressed, so that a link to "here" is the link of that moment. */
  readonly value: () => string
  readonly icon?: IconName
  readonly children: string
}

export function CopyButton({ value, icon = 'copy', children }: CopyButtonProps) {
  const { t } = useI18n()
  const copy = async () => {
    const copied = await navigator.clipboard.writeText(value()).then(
      () => true,
      () => false,
    )
    // Where the browser refuses the clipboard, the text is shown to be copied by hand.
    toast(copied ? { text: t.app.copy.done } : { text: value(), tone: 'failed' })
  }
  return (
    <Button look="quiet" icon={icon} onPress={() => void copy()}>
      {children}
    </Button>
  )
}

export function CopyLinkButton() {
  const { t } = useI18n()
  return (
    <CopyButton icon="link" value={() => location.href}>
      {t.app.copy.link}
    </CopyButton>
  )
}

export function CopyCliButton({ command }: { readonly command: string }) {
  const { t } = useI18n()
  return (
    <CopyButton icon="terminal" value={() => command}>
      {t.app.copy.cli}
    </CopyButton>
  )
}
