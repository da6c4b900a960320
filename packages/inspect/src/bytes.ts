/** A copy of its own; `slice` is none where the bytes are a `Buffer`. */
export const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)
