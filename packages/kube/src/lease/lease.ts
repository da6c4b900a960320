import { textAt, valueAt } from '@sekisho/core'
import type { KubeObject } from '../object.ts'

/** The `spec` of a Lease. https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ */
export interface LeaseSpec {
  /** Empty where nobody holds it. */
  readonly holder: string
  readonly durationSeconds: number
  readonly transitions: number
  /** As text: compared, never computed with, since clocks of different machines differ. */
  readonly renewTime: string
}

const count = (value: unknown): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : 0

export const readLease = ({ json }: KubeObject): LeaseSpec => ({
  holder: textAt(json, 'spec', 'holderIdentity') ?? '',
  durationSeconds: count(valueAt(json, 'spec', 'leaseDurationSeconds')),
  transitions: count(valueAt(json, 'spec', 'leaseTransitions')),
  renewTime: textAt(json, 'spec', 'renewTime') ?? '',
})

/** MicroTime: six digits after the second, of which JavaScript knows three. */
export const microTime = (at: number): string => new Date(at).toISOString().replace('Z', '000Z')
