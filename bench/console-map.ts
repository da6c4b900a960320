import { type Browser, chromium, type Page } from 'playwright-core'
import { graph } from '../apps/console/src/map/graph/graph.ts'
import { layoutInput } from '../apps/console/src/map/layout/input.ts'
import { layout } from '../apps/console/src/map/layout/layout.ts'
import { cluster } from '../apps/console/test/map/generate.ts'
import { serveFixture } from '../apps/console/test/map/serve.ts'
import type { Suite } from './report.ts'
import { barred, type Row } from './report.ts'

const WORKLOADS = 2_000
const EDGES = WORKLOADS * 3
const RUNS = 5
const FRAMES = 90
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'

const atMost = (measure: string, value: number, unit: string, bar: number): Row =>
  barred({ suite: 'console/map', measure, value: Math.round(value * 10) / 10, unit }, '≤', bar)

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

function layoutRow(): Row {
  const input = layoutInput(graph(cluster(WORKLOADS, EDGES)))
  const times = Array.from({ length: 15 }, () => {
    const before = process.cpuUsage()
    layout(input)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  })
  return atMost('layout, CPU, median', median(times), 'ms', 50)
}

interface Probe {
  /** CPU time of the page's tasks so far, in milliseconds. */
  readonly tasks: () => Promise<number>
  /** CPU time of renderer and GPU process: without a GPU most of a frame is drawn outside the page's tasks. */
  readonly cpu: () => Promise<number>
}

async function probe(page: Page, browser: Browser): Promise<Probe> {
  const session = await page.context().newCDPSession(page)
  const whole = await browser.newBrowserCDPSession()
  // Thread time, not wall time: what other programs do on the machine is not the page's cost.
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  return {
    async tasks() {
      const { metrics } = await session.send('Performance.getMetrics')
      return (metrics.find(metric => metric.name === 'TaskDuration')?.value ?? Number.NaN) * 1000
    },
    async cpu() {
      const { processInfo } = await whole.send('SystemInfo.getProcessInfo')
      const drawing = processInfo.filter(({ type }) => type === 'renderer' || type === 'GPU')
      return drawing.reduce((sum, { cpuTime }) => sum + cpuTime, 0) * 1000
    },
  }
}

/** Data in memory → mount, fetch (in memory), layout in the worker, first complete frame. */
async function firstRender(page: Page, url: string): Promise<number> {
  await page.goto(`${url}?data=${WORKLOADS}&wait`)
  await page.waitForFunction(() => window.fixture !== undefined)
  return page.evaluate(async () => {
    const start = performance.now()
    window.fixture.mount()
    await new Promise<void>(resolve => {
      const look = (): void =>
        document.querySelector('.map-title:not([hidden])') ? resolve() : void requestAnimationFrame(look)
      look()
    })
    // Titles are put in just before the canvas is painted, in one task; the next frame shows both.
    await new Promise(resolve => requestAnimationFrame(resolve))
    return performance.now() - start
  })
}

/** A drag as a person makes it: real input events, one move per frame. */
async function drag(page: Page): Promise<void> {
  const place = () =>
    page.locator('.map-cards').evaluate(element => String(element.getBoundingClientRect().x))
  const frame = () => page.evaluate(() => new Promise(resolve => requestAnimationFrame(resolve)))
  await page.mouse.move(600, 420)
  await page.mouse.down()
  const before = await place()
  for (let step = 1; step <= FRAMES; step++) {
    await page.mouse.move(600 + Math.sin(step / 9) * 220, 420 + (1 - Math.cos(step / 9)) * 120)
    await frame()
    if (step === 5 && (await place()) === before) throw new Error('the map did not follow the pointer')
  }
  await page.mouse.up()
}

/** What one frame of a drag costs, after a first drag that warms the code up. */
async function pan(
  page: Page,
  { tasks, cpu }: Probe,
): Promise<{ tasks: number; cpu: number; buttons: number }> {
  await drag(page)
  const before = [await tasks(), await cpu()] as const
  await drag(page)
  const after = [await tasks(), await cpu()] as const
  const buttons = await page.locator('.map-cards button').count()
  return { tasks: (after[0] - before[0]) / FRAMES, cpu: (after[1] - before[1]) / FRAMES, buttons }
}

async function firstRenders(page: Page, url: string, { cpu }: Probe): Promise<Row[]> {
  const wall: number[] = []
  const used: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const before = await cpu()
    wall.push(await firstRender(page, url))
    used.push((await cpu()) - before)
  }
  // The best run is what the machine can do when it is not busy with something else; CPU time does not wait.
  return [
    atMost(`first render, best of ${RUNS}`, Math.min(...wall), 'ms', 500),
    atMost('first render with page load, CPU, median', median(used), 'ms', 1_000),
  ]
}

/** The map in a real browser without a GPU: how long until it is seen, and what a frame costs while it is moved. */
export const consoleMap: Suite = {
  name: 'console/map',
  async run(progress) {
    progress('building the page')
    await using served = await serveFixture()
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu'],
    })
    await using _closing = { [Symbol.asyncDispose]: () => browser.close() }
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    const probing = await probe(page, browser)
    progress(`first render of ${WORKLOADS} workloads and ${EDGES} edges`)
    const rows = [layoutRow(), ...(await firstRenders(page, served.url, probing))]
    for (const [name, view] of [
      ['whole map', ''],
      ['names', '&view=2600,1800,0.4'],
      ['cards', '&view=2600,1800,0.8'],
    ] as const) {
      progress(`panning: ${name}`)
      await page.goto(`${served.url}?data=${WORKLOADS}${view}`)
      await page.waitForSelector('.map-title:not([hidden])')
      const cost = await pan(page, probing)
      rows.push(
        atMost(`pan, ${name}: CPU of the page’s tasks per frame`, cost.tasks, 'ms', 33),
        atMost(`pan, ${name}: CPU of renderer and GPU process per frame`, cost.cpu, 'ms', 33),
        atMost(`pan, ${name}: buttons`, cost.buttons, 'elements', 150),
      )
    }
    return rows
  },
}
