import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { expect, test } from 'vitest'
import { run } from '../src/command.ts'
import { until } from '../src/conditions.ts'
import { type Lab, startLab } from '../src/lab.ts'
import { netnsNames, onlyPod, planLab } from '../src/plan.ts'
import { identify, isAlive } from '../src/process.ts'
import { labStatus, readCounts, statusLines } from '../src/status.ts'

const prefix = `lab${process.pid}`
const patience = { timeoutMs: 180_000, everyMs: 100 }
const runDir = `/run/sekisho-${prefix}`

/** What the lab must not touch: the root namespace's links, routes, rules and forwarding; without what runs by itself. */
async function hostNetwork(): Promise<string> {
  const commands = [
    'ip -o link',
    'ip route show table all',
    'ip -6 route show table all',
    'nft -s list ruleset',
  ]
  const outputs = await Promise.all(commands.map(command => run(command.split(' '))))
  const forwarding = readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8')
  return [...outputs.map(({ stdout }) => stdout.replaceAll(/ expires \d+sec/g, '')), forwarding].join('\n')
}

const ours = (names: readonly string[]) => names.filter(name => existsSync(`/run/netns/${name}`))
const startQuietly = (): Promise<Lab> => startLab({ prefix, runDir, protected: false })

describeAsRoot('the lab without server and agent', () => {
  test('runs its programs, and removes everything it made', { timeout: 600_000 }, async () => {
    const before = await hostNetwork()
    const lab = await startQuietly()
    const processes = [...lab.programs.values()].map(program => identify(program.pid ?? 0))
    try {
      expect(lab.missing).toEqual([])
      expect(ours(netnsNames(lab.plan))).toEqual(netnsNames(lab.plan))

      // Every legitimate target answers, counted by the programs that call it.
      const targets = ['checkout', 'blog', 'acquirer', 'packages', 'collector', 'scraper', 'postgresql']
      const allAnswer = () => {
        const counts = readCounts(runDir)
        return targets.every(target => counts.some(entry => entry.target === target && entry.ok > 0))
      }
      expect(await until(allAnswer, patience)).toBe(true)
      const customers = () => readCounts(runDir).filter(entry => entry.program === 'customers')
      expect(await until(() => customers().length === 5, patience)).toBe(true)
      expect(readCounts(runDir).filter(entry => entry.failed > 0)).toEqual([])
    } finally {
      await lab[Symbol.asyncDispose]()
    }
    expect(processes.filter(known => known && isAlive(known))).toEqual([])
    expect(ours(netnsNames(lab.plan))).toEqual([])
    expect(existsSync(runDir)).toBe(false)
    expect(await hostNetwork()).toBe(before)
  })

  test('a killed lab leaves no process, and the next start clears the rest', {
    timeout: 600_000,
  }, async () => {
    const script = `
      import { startLab } from ${JSON.stringify(join(import.meta.dirname, '../src/lab.ts'))}
      await startLab({ prefix: ${JSON.stringify(prefix)}, runDir: ${JSON.stringify(runDir)}, protected: false })
      process.kill(process.pid, 'SIGKILL')`
    await expect(run([process.execPath, '--input-type=module-typescript', '-e', script])).rejects.toThrow(
      /ended with SIGKILL$/,
    )
    const left = planLab(prefix)
    const dead = () => labStatus(runDir)?.programs.every(program => !program.alive) === true
    expect(await until(dead, patience)).toBe(true)
    expect(statusLines(labStatus(runDir) ?? expect.fail('no record')).at(0)).toContain('without cleaning up')
    const { stdout } = await run(['ip', 'netns', 'pids', onlyPod(left, 'payments', 'db').netns])
    expect(stdout).toBe('')

    await using lab = await startQuietly()
    expect(lab.steps.took.has('clean start')).toBe(true)
    expect(labStatus(runDir)?.programs.every(program => program.alive)).toBe(true)
  })
})
