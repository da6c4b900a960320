import { textAt, valueAt } from '@sekisho/core'

/**
 * The API server said no. `reason` is the machine-readable word of its `Status`, such as `NotFound` or `Expired`.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
 */
export class KubeError extends Error {
  override readonly name = 'KubeError'
  /** HTTP status. */
  readonly status: number
  readonly reason: string
  /** Milliseconds after which the server would like to be asked again. */
  readonly retryAfterMs: number | undefined

  constructor(of: { status: number; reason: string; message: string; retryAfterMs?: number | undefined }) {
    super(of.message)
    this.status = of.status
    this.reason = of.reason
    this.retryAfterMs = of.retryAfterMs
  }
}

const MESSAGE_CHARACTERS = 1_000

/** @param body what the server sent; need not be a `Status`: proxies in between answer what they like. */
export function kubeError(status: number, body: unknown, retryAfter?: string): KubeError {
  const seconds = Number(retryAfter ?? valueAt(body, 'details', 'retryAfterSeconds') ?? Number.NaN)
  return new KubeError({
    status,
    reason: textAt(body, 'reason') ?? 'Unknown',
    message: (textAt(body, 'message') ?? `the API server answered ${status}`).slice(0, MESSAGE_CHARACTERS),
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined,
  })
}

/** What the API server or the network sent makes no sense; nothing of it was used. */
export class KubeMalformed extends Error {
  override readonly name = 'KubeMalformed'
}

export const isNotFound = (error: unknown): boolean => error instanceof KubeError && error.status === 404
/** Somebody else changed the object first, or owns the field. */
export const isConflict = (error: unknown): boolean => error instanceof KubeError && error.status === 409
/** The resource version is older than what the server remembers: list again. */
export const isExpired = (error: unknown): boolean => error instanceof KubeError && error.status === 410
