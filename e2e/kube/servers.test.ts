import { openApiServerDouble } from '../../packages/kube/test/double/api-server.ts'
import { serversSuite } from './servers.ts'

serversSuite('the double', async () => {
  const double = await openApiServerDouble()
  const access = { server: double.url, credentials: { kind: 'none' }, namespace: 'sekisho' } as const
  return { access, serverAccess: access, [Symbol.asyncDispose]: () => double[Symbol.asyncDispose]() }
})
