import { apiServerContract } from './contract.ts'
import { openApiServerDouble } from './double/api-server.ts'

apiServerContract('the double', async () => {
  const double = await openApiServerDouble()
  return {
    access: { server: double.url, credentials: { kind: 'none' }, namespace: 'default' },
    async forgottenVersion() {
      const before = String(double.objects.version - 1)
      double.objects.compact()
      return before
    },
    [Symbol.asyncDispose]: () => double[Symbol.asyncDispose](),
  }
})
