import { openApiServerDouble } from '../../packages/kube/test/double/api-server.ts'
import { clusterSuite } from './cluster.ts'

clusterSuite('the double', async () => {
  const double = await openApiServerDouble()
  return {
    access: { server: double.url, credentials: { kind: 'none' }, namespace: 'default' },
    [Symbol.asyncDispose]: () => double[Symbol.asyncDispose](),
  }
})
