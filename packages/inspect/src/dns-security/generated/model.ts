import { BUCKETS, featuresOf, MOST_FEATURES, SHORTEST } from './features.ts'
import { SCALE, WEIGHTS } from './weights.gen.ts'

/** Logistic regression over hashed features; what it was trained on is told in docs/dns-security.md. */
export interface Model {
  readonly weights: Int8Array
  /** What one step of a weight counts. */
  readonly scale: number
}

/** Grows with the label: long labels have more letters side by side, and are not more certain for that. */
export const sumToLogit = (sum: number, features: number): number => (sum * 8) / Math.sqrt(features)

const features = new Uint16Array(MOST_FEATURES)

/** @returns how much a label looks like one that a program made: 0 to 1. */
export function scoreWith({ weights, scale }: Model, label: string): number {
  const count = featuresOf(label, features)
  let sum = 0
  for (let i = 0; i < count; i++) sum += weights[features[i] ?? 0] ?? 0
  return 1 / (1 + Math.exp(-sumToLogit(sum * scale, count)))
}

function decode(text: string): Int8Array {
  const bytes = atob(text)
  if (bytes.length !== BUCKETS) throw new TypeError(`${bytes.length} weights, not ${BUCKETS}`)
  return Int8Array.from(bytes, letter => (letter.charCodeAt(0) << 24) >> 24)
}

const MODEL: Model = { weights: decode(WEIGHTS), scale: SCALE }

/** Names written in other scripts have letters that the model never saw. */
const isForeign = (label: string): boolean => label.startsWith('xn--') || !/^[a-z0-9-]+$/.test(label)

/** 0 where the label is too short or in another script: nothing can be said then. */
export const generatedScore = (label: string): number =>
  label.length < SHORTEST || isForeign(label) ? 0 : scoreWith(MODEL, label)
