import type { EdgeEnd } from '@sekisho/control'
import type { Outcome } from '@sekisho/core'
import type { Output } from './output.ts'

const STEPS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
  [1, 's'],
] as const

/** `5m12s`, as kubectl prints ages: the two largest units. */
export function age(from: string, now: number): string {
  let seconds = Math.max(0, Math.floor((now - Date.parse(from)) / 1000))
  const parts: string[] = []
  for (const [size, unit] of STEPS) {
    const count = Math.floor(seconds / size)
    seconds -= count * size
    if (count > 0 && parts.length < 2) parts.push(`${count}${unit}`)
  }
  return parts.join('') || '0s'
}

export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = count
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

export const end = (side: EdgeEnd): string =>
  side.kind === 'workload' ? `${side.namespace}/${side.name}` : side.ip || side.name

const MARKS = {
  allowed: { mark: '✓', style: 'green' },
  audited: { mark: '~', style: 'yellow' },
  denied: { mark: '✕', style: 'red' },
} as const satisfies Record<Outcome, { mark: string; style: 'green' | 'yellow' | 'red' }>

/** Told apart by sign and word, not by colour alone. */
export const outcome = (value: Outcome, output: Output): string =>
  output.paint(MARKS[value].style, `${MARKS[value].mark} ${value}`)
