/** What the nftables thread and its owner say to each other. */

export const LIBNFTABLES = 'libnftables.so.1'

export interface WorkerSetup {
  readonly netns: string | undefined
}

export type Request =
  | { readonly kind: 'run'; readonly id: number; readonly commands: string }
  | { readonly kind: 'close' }

export type Reply =
  | { readonly kind: 'done'; readonly id: number }
  | { readonly kind: 'refused'; readonly id: number; readonly message: string }
