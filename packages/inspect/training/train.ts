import { BUCKETS, featuresOf, MOST_FEATURES } from '../src/dns-security/generated/features.ts'
import { type Model, sumToLogit } from '../src/dns-security/generated/model.ts'
import { partOf, type Sample } from './corpus.ts'

interface Row {
  readonly features: Uint16Array
  readonly target: 0 | 1
  readonly weight: number
}

const ROUNDS = 8
const RATE = 0.05
const DECAY = 2e-6

/** A family of ten thousand names counts as its root: what is learnt is what families have in common. */
function rowsOf(samples: readonly Sample[]): readonly Row[] {
  const into = new Uint16Array(MOST_FEATURES)
  const sizes = Map.groupBy(samples, ({ source }) => source)
  return samples.map(({ label, isGenerated, source }) => {
    const features = into.slice(0, featuresOf(label, into))
    const size = sizes.get(source)?.length ?? 1
    return { features, target: isGenerated ? 1 : 0, weight: Math.min(1, 30 / Math.sqrt(size)) }
  })
}

/** A walk that is the same on every run: each round in an order of its own. */
const shuffled = (count: number, round: number): readonly number[] =>
  Array.from({ length: count }, (_, at) => [partOf(`${round} ${at}`), at] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, at]) => at)

/** Stochastic gradient descent with a rate of its own for each weight (AdaGrad). */
export function train(samples: readonly Sample[], progress: (line: string) => void): Model {
  const rows = rowsOf(samples)
  const [weights, squares] = [new Float64Array(BUCKETS), new Float64Array(BUCKETS).fill(1e-4)]
  for (let round = 0; round < ROUNDS; round++) {
    let loss = 0
    for (const at of shuffled(rows.length, round)) {
      const row = rows[at]
      if (row) loss += descend(row, weights, squares)
    }
    progress(`round ${round + 1} of ${ROUNDS}: loss ${(loss / rows.length).toFixed(4)}`)
  }
  return quantised(weights)
}

function descend({ features, target, weight }: Row, weights: Float64Array, squares: Float64Array): number {
  let sum = 0
  for (const feature of features) sum += weights[feature] ?? 0
  const unit = sumToLogit(1, features.length)
  const probability = 1 / (1 + Math.exp(-sum * unit))
  const slope = (probability - target) * unit * weight
  for (const feature of features) {
    const own = weights[feature] ?? 0
    const gradient = slope + DECAY * own
    const square = (squares[feature] ?? 0) + gradient * gradient
    squares[feature] = square
    weights[feature] = own - (RATE * gradient) / Math.sqrt(square)
  }
  return -Math.log(Math.max(1e-12, target === 1 ? probability : 1 - probability))
}

/** A byte each: the few weights beyond the 99.9th percentile are cut to it. */
function quantised(weights: Float64Array): Model {
  const sizes = Float64Array.from(weights, Math.abs).sort()
  const most = sizes[Math.floor(sizes.length * 0.999)] ?? 1
  const scale = most / 127
  const bytes = Int8Array.from(weights, weight => Math.max(-127, Math.min(127, Math.round(weight / scale))))
  return { weights: bytes, scale }
}
