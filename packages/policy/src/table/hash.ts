/** Round constants: the first 32 bits of the fractions of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). */
const K = Uint32Array.from(firstPrimes(64), prime => fraction(Math.cbrt(prime)))
/** Initial state: the same of the square roots of the first eight (FIPS 180-4, 5.3.3). */
const INITIAL = Uint32Array.from(firstPrimes(8), prime => fraction(Math.sqrt(prime)))

function firstPrimes(count: number): number[] {
  const primes: number[] = []
  for (let n = 2; primes.length < count; n++) if (primes.every(prime => n % prime !== 0)) primes.push(n)
  return primes
}
function fraction(root: number): number {
  return Math.floor((root - Math.floor(root)) * 2 ** 32)
}

const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by))
const encoder = new TextEncoder()

/** FIPS 180-4 section 5.1.1: a one bit, zeros, and the length in bits in the last eight bytes. */
function padded(bytes: Uint8Array): DataView {
  const blocks = Math.ceil((bytes.length + 9) / 64)
  const view = new DataView(new ArrayBuffer(blocks * 64))
  new Uint8Array(view.buffer).set(bytes)
  view.setUint8(bytes.length, 0x80)
  view.setUint32(view.byteLength - 8, Math.floor(bytes.length / 2 ** 29))
  view.setUint32(view.byteLength - 4, bytes.length * 8)
  return view
}

const word = (words: Uint32Array, at: number): number => words[at] ?? 0

function schedule(view: DataView, offset: number, w: Uint32Array): void {
  for (let t = 0; t < 16; t++) w[t] = view.getUint32(offset + 4 * t)
  for (let t = 16; t < 64; t++) {
    const a = word(w, t - 15)
    const b = word(w, t - 2)
    const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3)
    const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10)
    w[t] = word(w, t - 16) + s0 + word(w, t - 7) + s1
  }
}

/** Word by word: taking arrays apart costs an iterator each, until the code is optimised, and most hashes are made before. */
function compress(state: Uint32Array, w: Uint32Array): void {
  let a = word(state, 0)
  let b = word(state, 1)
  let c = word(state, 2)
  let d = word(state, 3)
  let e = word(state, 4)
  let f = word(state, 5)
  let g = word(state, 6)
  let h = word(state, 7)
  for (let t = 0; t < 64; t++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + word(K, t) + word(w, t)) | 0
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  state[0] = word(state, 0) + a
  state[1] = word(state, 1) + b
  state[2] = word(state, 2) + c
  state[3] = word(state, 3) + d
  state[4] = word(state, 4) + e
  state[5] = word(state, 5) + f
  state[6] = word(state, 6) + g
  state[7] = word(state, 7) + h
}

/**
 * SHA-256 of a text, its first 128 bits in hexadecimal. Names of sets and chains come from content; with a weak hash
 * one tenant could craft a selector whose set takes the place of another's. Written here because this layer is pure:
 * the platform's own is asynchronous or an import of `node:crypto`.
 */
export function contentHash(text: string): string {
  const view = padded(encoder.encode(text))
  const state = INITIAL.slice()
  const w = new Uint32Array(64)
  for (let offset = 0; offset < view.byteLength; offset += 64) {
    schedule(view, offset, w)
    compress(state, w)
  }
  return Array.from(state.subarray(0, 4), part => part.toString(16).padStart(8, '0')).join('')
}
