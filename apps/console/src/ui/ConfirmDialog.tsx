import type { ReactNode } from 'react'
import { Dialog, Heading } from 'react-aria-components/Dialog'
import { Modal, ModalOverlay } from 'react-aria-components/Modal'
import { useI18n } from '../i18n/index.ts'
import { Button } from './Button.tsx'

interface ModalDialogProps {
  readonly title: string
  readonly onClose: () => void
  readonly children: ReactNode
  readonly wide?: boolean
}

export const ModalDialog = ({ title, onClose, children, wide = false }: ModalDialogProps) => (
  <ModalOverlay className="overlay" isOpen isDismissable onOpenChange={open => !open && onClose()}>
    <Modal className={wide ? 'modal wide' : 'modal'}>
      <Dialog>
        <Heading slot="title">{title}</Heading>
        {children}
      </Dialog>
    </Modal>
  </ModalOverlay>
)

interface ConfirmDialogProps {
  readonly title: string
  readonly confirm: string
  readonly danger?: boolean
  readonly onConfirm: () => void
  readonly onClose: () => void
  readonly children: ReactNode
}

/** Asks before something that changes traffic. Focus starts on Cancel. */
export function ConfirmDialog({
  title,
  confirm,
  danger = false,
  onConfirm,
  onClose,
  children,
}: ConfirmDialogProps) {
  const { t } = useI18n()
  return (
    <ModalDialog title={title} onClose={onClose}>
      <div className="modal-body">{children}</div>
      <div className="actions end">
        <Button autoFocus onPress={onClose}>
          {t.app.cancel}
        </Button>
        <Button
          look={danger ? 'danger' : 'primary'}
          onPress={() => {
            onClose()
            onConfirm()
          }}
        >
          {confirm}
        </Button>
      </div>
    </ModalDialog>
  )
}
