import type { Invocation } from '../../command.ts'

/** Verbs of `sekisho policy` that need files only; each is loaded when it runs. */
export const OFFLINE: Readonly<Record<string, (invocation: Invocation) => Promise<number>>> = {
  lint: async invocation => (await import('./lint.ts')).lint(invocation),
  test: async invocation => (await import('./test.ts')).test(invocation),
  prove: async invocation => (await import('./prove.ts')).prove(invocation),
  explain: async invocation => (await import('./explain.ts')).explain(invocation),
  render: async invocation => (await import('./render.ts')).render(invocation),
}

export const OFFLINE_USAGE = [
  'sekisho policy lint   [PATH…] [-f PATH] [--fail-on warning] [--sarif] [--ingress-namespace NAME]',
  'sekisho policy test   [PATH…] [-f PATH] [--junit | --tap]',
  'sekisho policy prove  -f PATH… FROM TO[:PORT[/PROTOCOL]]   (exit code 0: no flow passes, 1: one does)',
  'sekisho policy prove  -f PATH… --against PATH [--change opened|closed]   (are two sets of policies equivalent?)',
  'sekisho policy prove  -f PATH… --unneeded   (rules that could be removed)',
  'sekisho policy explain -f PATH… FROM TO PORT[/PROTOCOL]',
  'sekisho policy simulate -f PATH… --flows FILE [--against PATH]   (flows: "sekisho flows -o json")',
  'sekisho policy suggest  -f PATH… --flows FILE [--kind NetworkPolicy]',
  'sekisho policy suggest  -f PATH… --flows FILE --unused DAYS   (rules that nothing came to)',
  'sekisho policy render FILE.ts',
]

export const OFFLINE_OPTIONS = {
  filename: { type: 'string', short: 'f', multiple: true },
  flows: { type: 'string' },
  against: { type: 'string', multiple: true },
  change: { type: 'string' },
  unneeded: { type: 'boolean' },
  'fail-on': { type: 'string' },
  'ingress-namespace': { type: 'string', multiple: true },
  sarif: { type: 'boolean' },
  junit: { type: 'boolean' },
  tap: { type: 'boolean' },
} as const
