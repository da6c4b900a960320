import { openRealCluster, withPrograms } from './real-cluster.ts'
import { serversSuite } from './servers.ts'

withPrograms('several servers for a real API server', programs =>
  serversSuite('kube-apiserver', () => openRealCluster(programs)),
)
