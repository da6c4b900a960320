/**
 * Where in a sorted list something belongs.
 * @param isBefore true for the first places and false for all after them.
 * @returns how many places it is true for.
 */
export function bisect(count: number, isBefore: (at: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(middle)) low = middle + 1
    else high = middle
  }
  return low
}
