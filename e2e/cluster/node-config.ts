import { BUSYBOX } from './image.ts'
import { type NodePlan, OUTSIDE, POD_NETWORKS } from './network.ts'

/** What the programs of a node are told in files. */

export const containerdConfig = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${BUSYBOX}"
  # Without CAP_SYS_RESOURCE no process may be made less likely to be killed than its parent.
  restrict_oom_score_adj = true
  disable_apparmor = true
`

/** A bridge for pods of these networks, one of each family at most. */
export const conflist = (networks: readonly string[]) => ({
  cniVersion: '1.0.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        ranges: networks.map(subnet => [{ subnet }]),
        routes: networks.map(subnet => ({ dst: subnet.includes(':') ? '::/0' : '0.0.0.0/0' })),
      },
    },
    { type: 'loopback' },
  ],
})

/** @param groups folder of its control groups. */
export const kubeletConfig = (groups: string) => ({
  kind: 'KubeletConfiguration',
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  cgroupDriver: 'cgroupfs',
  cgroupRoot: groups,
  enforceNodeAllocatable: [],
  failCgroupV1: false,
  failSwapOn: false,
  containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
  volumePluginDir: '/var/lib/kubelet/plugins-exec',
  resolvConf: '',
  clusterDNS: [OUTSIDE[0]],
  clusterDomain: 'cluster.local',
  // The machine's disk is not the node's: nothing is evicted for it.
  evictionHard: {
    'memory.available': '0%',
    'nodefs.available': '0%',
    'imagefs.available': '0%',
    'nodefs.inodesFree': '0%',
    'imagefs.inodesFree': '0%',
  },
  imageGCHighThresholdPercent: 100,
  maxPods: 200,
  nodeLeaseDurationSeconds: 20,
})

export const proxyConfig = ({ name }: NodePlan, kubeconfig: string) => ({
  kind: 'KubeProxyConfiguration',
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  mode: 'nftables',
  hostnameOverride: name,
  clusterCIDR: POD_NETWORKS.join(),
  clientConnection: { kubeconfig },
  // Settings of the whole machine.
  conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
})
