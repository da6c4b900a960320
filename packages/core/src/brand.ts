declare const brand: unique symbol

/** A string or number that only its own constructor may make, so that ids and units cannot be mixed up. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }
