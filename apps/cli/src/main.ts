import { enableCompileCache } from 'node:module'

// Compiled code is kept between runs, so that each command starts about as fast as the first line of `node`.
enableCompileCache()
const { run } = await import('./run.ts')
process.exitCode = await run(process.argv.slice(2), process.argv[1] ?? 'sekisho')
