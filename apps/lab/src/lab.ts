import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeCertificates } from './certificates.ts'
import { waitFor } from './conditions.ts'
import { attackContainer, type Container, prepareContainers, type Run } from './containers.ts'
import { type ControlPlane, controlPlane, waitForAgent } from './control-plane.ts'
import { prepareDatabase } from './database.ts'
import { containedCommand, isReady, launch } from './launch.ts'
import { keepLogsShort } from './logs.ts'
import { netnsNames, type Plan, planLab, workloadsFile } from './plan.ts'
import { type Missing, missingPrograms } from './prerequisites.ts'
import { identify } from './process.ts'
import { countsDir, type LabRecord, RUN_DIR, replaceFile, writeRecord } from './record.ts'
import { removeNetns, removeRemains } from './remains.ts'
import { openSteps, type Steps } from './steps.ts'
import { type Supervised, type Supervision, supervise } from './supervise.ts'
import { buildTopology } from './topology.ts'

export interface LabOptions {
  /** Of every network namespace; another prefix and run directory make a second lab beside the first. */
  readonly prefix?: string
  readonly runDir?: string
  readonly port?: number
  /** The next after `port` when left out. */
  readonly agentsPort?: number
  /** Server and agent; without them there are only the workloads. */
  readonly protected?: boolean
  /** More of the server's own options. */
  readonly serverArguments?: readonly string[]
  /** Gives up starting. */
  readonly signal?: AbortSignal
  /** Takes the lines that say what happens. */
  readonly report?: (line: string) => void
}

/** A running lab; disposing removes everything it made. */
export interface Lab extends AsyncDisposable {
  readonly plan: Plan
  readonly runDir: string
  readonly steps: Steps
  readonly missing: readonly Missing[]
  /** Workloads, the hosts outside, and server and agent, by name. */
  readonly programs: ReadonlyMap<string, Supervised>
  /** Absent without `protected`. */
  readonly console?: { readonly url: string; readonly token: string; readonly loginLink: string }
  startCampaign(): void
}

/** A busy machine takes a minute for all of them together. */
const PROGRAM_START_MS = 180_000

/** The programs that run, and the record of them that other processes read. */
class Programs implements AsyncDisposable {
  readonly running = new Map<string, Supervised>()
  readonly #runDir: string
  readonly #steps: Steps
  #record: LabRecord

  constructor(runDir: string, steps: Steps, record: LabRecord) {
    this.#runDir = runDir
    this.#steps = steps
    this.#record = record
    writeRecord(runDir, record)
  }

  add(program: Supervised): void {
    this.running.set(program.name, program)
  }

  started(name: string, { identity, restarts, how }: Parameters<Supervision['started']>[0]): void {
    const entry = { identity, restarts, startedAt: Date.now() }
    this.#record = { ...this.#record, processes: { ...this.#record.processes, [name]: entry } }
    writeRecord(this.#runDir, this.#record)
    if (how !== undefined) this.#steps.say('restarted', `${name} (it ended with ${how})`)
  }

  start(container: Container): Supervised {
    const { name, env } = container
    const program = supervise({
      name,
      stop: 'at-once',
      start: () => launch(containedCommand(container), { runDir: this.#runDir, name, env }),
      started: event => this.started(name, event),
    })
    this.add(program)
    return program
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const programs = [...this.running.values()].map(program => program[Symbol.asyncDispose]())
    await Promise.all(programs)
  }
}

interface Starting {
  readonly programs: Programs
  readonly runDir: string
  readonly signal: AbortSignal | undefined
  /** What a container needs besides other containers. */
  ground(container: Container): Promise<unknown>
}

/** Starts each container when what it comes after is up. @returns how many are up. */
async function startContainers(containers: readonly Container[], starting: Starting): Promise<number> {
  const { programs, runDir, signal } = starting
  const up = new Map<string, Promise<void>>()
  const start = async (container: Container): Promise<void> => {
    await Promise.all([starting.ground(container), ...container.after.map(name => whenUp(name))])
    const program = programs.start(container)
    await waitFor(
      `${container.name} (see ${join(runDir, 'logs', `${container.name}.log`)})`,
      () => program.pid !== undefined && isReady(container, program.pid, runDir),
      { timeoutMs: PROGRAM_START_MS, ...(signal ? { signal } : {}) },
    )
  }
  const byName = new Map(containers.map(container => [container.name, container]))
  const whenUp = (name: string): Promise<void> => {
    const container = byName.get(name)
    const waiting = up.get(name) ?? (container ? start(container) : Promise.resolve())
    up.set(name, waiting)
    return waiting
  }
  await settle(containers.map(container => whenUp(container.name)))
  return containers.length
}

/** Server, and agent as soon as there is a node for it. */
async function startProtection(control: ControlPlane, programs: Programs, options: Protecting) {
  const { steps, network, signal } = options
  const access = await steps.run(
    'server',
    () => control.startServer('lab'),
    () => control.url,
  )
  programs.add(access.server)
  signal?.throwIfAborted()
  const [loginLink] = await settle([
    control.loginLink(),
    network.then(async () => {
      programs.add(control.startAgent(access))
      await steps.run('agent', () => waitForAgent(access))
    }),
  ])
  return { url: access.url, token: access.token, loginLink }
}

interface Protecting {
  readonly steps: Steps
  readonly network: Promise<void>
  readonly signal: AbortSignal | undefined
}

export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const { prefix = 'sekisho', runDir = RUN_DIR, port = 7443, agentsPort = port + 1 } = options
  const steps = openSteps(options.report ?? (() => undefined))
  const missing = missingPrograms()
  const plan = planLab(prefix, new Set(missing.map(({ program }) => program)))
  const run: Run = { plan, dir: runDir, databasePassword: randomBytes(16).toString('hex') }
  await using resources = new AsyncDisposableStack()

  // 1. Room: nothing of an earlier run, and a record of this one before it makes anything.
  await steps.run(
    'clean start',
    () => removeRemains(runDir, netnsNames(planLab(prefix))),
    found => (found ? 'removed what an earlier lab left' : ''),
  )
  mkdirSync(countsDir(runDir), { recursive: true, mode: 0o755 })
  resources.defer(() => rmSync(runDir, { recursive: true, force: true }))
  const lab = identify(process.pid)
  if (!lab) throw new Error('this process is not in /proc')
  const programs = new Programs(runDir, steps, {
    lab,
    prefix,
    startedAt: Date.now(),
    server: `http://127.0.0.1:${port}`,
    databasePassword: run.databasePassword,
    netns: netnsNames(plan),
    missing: missing.flatMap(({ apps }) => apps),
    processes: {},
  })
  for (const { program, package: debian, apps } of missing)
    steps.say('left out', `${apps.join(', ')}: ${program} is not installed (apt-get install ${debian})`)

  // 2. Ground, certificates, database and server, side by side: none needs another.
  resources.defer(() => removeNetns(netnsNames(plan)))
  resources.use(programs)
  resources.use(keepLogsShort(runDir, error => steps.say('logs', `cannot be cut: ${String(error)}`)))
  const workloads = join(runDir, 'workloads.json')
  replaceFile(workloads, workloadsFile(plan))
  const control = controlPlane({
    dir: runDir,
    port,
    agentsPort,
    serverArguments: ['--lab', ...(options.serverArguments ?? [])],
    agentArguments: ['--node', plan.node, '--netns', plan.nodeNetns, '--workloads', workloads],
    started: (name, event) => programs.started(name, event),
  })
  mkdirSync(join(runDir, 'certificates'), { mode: 0o700 })
  const network = steps.run(
    'network',
    () => buildTopology(plan),
    () => `${plan.pods.length} pods, their node and the internet joined`,
  )
  const certificates = steps.run('certificates', () => makeCertificates(join(runDir, 'certificates')))
  const database = plan.pods.some(pod => pod.program.kind === 'postgres')
    ? steps.run('database', () => prepareDatabase(runDir, run.databasePassword))
    : Promise.resolve()
  const protection =
    options.protected === false
      ? Promise.resolve(undefined)
      : startProtection(control, programs, { steps, network, signal: options.signal })

  // 3. Programs, each as soon as what it needs is there.
  const withDatabase = new Set(plan.pods.filter(pod => pod.program.kind === 'postgres').map(pod => pod.key))
  const ground = (container: Container) =>
    Promise.all([network, certificates, withDatabase.has(container.name) ? database : undefined])
  const everything = steps.run(
    'workloads',
    () => startContainers(prepareContainers(run), { programs, runDir, signal: options.signal, ground }),
    count => `${count} programs are up`,
  )
  const [console] = await settle([protection, everything])

  const owned = resources.move()
  return {
    plan,
    runDir,
    steps,
    missing,
    programs: programs.running,
    ...(console === undefined ? {} : { console }),
    startCampaign: () => void programs.start(attackContainer(run, 'campaign')),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** As `Promise.all`, but all have come to an end before the first error is raised: clean-up must not race them. */
async function settle<const T extends readonly Promise<unknown>[]>(
  all: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(all)
  return Promise.all(all)
}
