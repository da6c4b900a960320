import { clusterSuite } from './cluster.ts'
import { openRealCluster, withPrograms } from './real-cluster.ts'

withPrograms('a server for a real API server', programs =>
  clusterSuite('kube-apiserver', () => openRealCluster(programs)),
)
