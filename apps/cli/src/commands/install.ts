import { text, UsageError } from '../arguments.ts'
import { type Command, EXIT } from '../command.ts'
import { openKubectl } from '../kubernetes/kubectl.ts'
import { MODES, manifests, NAMESPACE } from '../kubernetes/manifests.ts'

const NEXT = `Sekisho is in namespace ${NAMESPACE}. Wait until every node has an agent, then log in:

  kubectl --namespace ${NAMESPACE} rollout status daemonset/sekisho-agent
  kubectl --namespace ${NAMESPACE} port-forward service/sekisho-server 7443 &
  kubectl --namespace ${NAMESPACE} exec service/sekisho-server -- \\
    /opt/sekisho/bin/sekisho-server login-link --data /var/lib/sekisho/server | sed 's#//[^/]*#//localhost:7443#'`

export const install: Command = {
  usage:
    'sekisho install --image IMAGE [--mode observe|enforce] [--dry-run] [--context NAME]   other values take the Helm chart',
  options: {
    image: { type: 'string' },
    mode: { type: 'string' },
    'dry-run': { type: 'boolean' },
    context: { type: 'string' },
  },
  run: async ({ values, output }) => {
    const image = text(values, 'image')
    const mode = MODES.find(each => each === (text(values, 'mode') ?? 'observe'))
    if (!mode) throw new UsageError(`--mode takes ${MODES.join(' or ')}`)
    if (values['dry-run']) {
      output.text(manifests({ mode, image }).trimEnd())
      return EXIT.ok
    }
    if (image === undefined)
      throw new UsageError('--image is missing: where you have put what deploy/images/Dockerfile makes')
    const apply = ['apply', '--server-side', '--field-manager=sekisho-install', '-f', '-']
    output.text((await openKubectl(text(values, 'context')).run(apply, manifests({ mode, image }))).trimEnd())
    output.text(`\n${NEXT}`)
    return EXIT.ok
  },
}
