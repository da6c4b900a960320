import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitForEdges } from './control-plane.ts'
import { type Lab, type LabOptions, startLab } from './lab.ts'
import { obstacle } from './prerequisites.ts'
import { untilAskedToStop } from './stop.ts'

export interface RunLabOptions extends LabOptions {
  readonly browser?: boolean
  readonly campaign?: boolean
}

/** A quiet start, so that the shop's own traffic is on the map before the attacker's. */
const CAMPAIGN_AFTER_MS = 20_000

/** Only where a person sits: over SSH or in CI the link on stdout is enough. */
export function openBrowser(link: string): void {
  if (process.env.DISPLAY === undefined && process.env.WAYLAND_DISPLAY === undefined) return
  const child = spawn('xdg-open', [link], { detached: true, stdio: 'ignore' })
  child.on('error', () => undefined).unref() // the link is on the terminal as well
}

async function tellStory(lab: Lab, options: RunLabOptions, stopped: AbortSignal): Promise<void> {
  const access = lab.console
  if (access) {
    const { loginLink } = access
    process.stdout.write(`\n  Open ${loginLink}\n  (valid once, for 15 minutes)\n\n`)
    if (options.browser !== false) openBrowser(loginLink)
    await lab.steps.run(
      'map',
      () => waitForEdges(access, stopped),
      edges => `${edges} ${edges === 1 ? 'edge' : 'edges'} to see`,
    )
  }
  if (options.campaign === false) return
  await sleep(CAMPAIGN_AFTER_MS, undefined, { signal: stopped })
  lab.startCampaign()
  lab.steps.say('attacker', 'shop/legacy-cms begins to look around')
}

/** `sekisho lab`: until Ctrl-C. @returns the exit code. */
export async function runLab(options: RunLabOptions = {}): Promise<number> {
  const missing = obstacle()
  if (missing !== undefined) {
    process.stderr.write(`${missing}\n`)
    return 1
  }
  const stop = new AbortController()
  const asked = untilAskedToStop().then(signal => {
    process.stderr.write(`\n${signal}: removing the lab\n`)
    stop.abort()
  })
  const report = (line: string) => void process.stderr.write(line)
  try {
    await using lab = await startLab({ report, signal: stop.signal, ...options })
    await tellStory(lab, options, stop.signal)
    await asked
  } catch (error) {
    // Stopped while something was still waited for: what there was is removed by now.
    if (!stop.signal.aborted) throw error
  }
  return 0
}
