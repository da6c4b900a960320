/** Resolves with the first signal that asks to stop; from then on more of them are only told that it is under way. */
export function untilAskedToStop(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, resolve)
  })
}
