import { test } from 'vitest'
import { apiServerContract } from './contract.ts'
import { findPrograms } from './real/programs.ts'
import { openRealApiServer } from './real/server.ts'

const programs = findPrograms()
if (typeof programs !== 'string') {
  apiServerContract('kube-apiserver', async () => {
    const server = await openRealApiServer(programs)
    return {
      access: server.access,
      // Long before the server, and with it its memory, began.
      async forgottenVersion() {
        await server.restart()
        return '1'
      },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    }
  })
} else {
  test('the contract with a real kube-apiserver', context => {
    if (process.env.CI) throw new Error(programs)
    process.stderr.write(`skipped: ${programs}\n`)
    context.skip(programs)
  })
}
