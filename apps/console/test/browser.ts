import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** Debian's package; the tests download no browser of their own. */
const CHROMIUM = process.env.SEKISHO_CHROMIUM ?? '/usr/bin/chromium'

/** How long a page may take to show what it will show: as long as a busy machine needs. */
export const PATIENCE_MS = 120_000

/** On a desk without Chromium the tests are skipped with a reason; in CI that is a failure. */
export function chromiumMissing(): boolean {
  if (existsSync(CHROMIUM)) return false
  if (process.env.CI) throw new Error(`${CHROMIUM} is not there: apt-get install chromium`)
  console.warn(`browser tests skipped: ${CHROMIUM} is not there (apt-get install chromium)`)
  return true
}

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] })

export interface Built extends Disposable {
  readonly dist: string
}

const VITE = join(dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin/vite.js')

/** The console as it is shipped: built by a process of its own, because under NODE_ENV=test React is its slow self. */
export async function buildConsole(): Promise<Built> {
  const dist = mkdtempSync(join(tmpdir(), 'sekisho-console-'))
  await promisify(execFile)(process.execPath, [VITE, 'build', '--outDir', dist, '--emptyOutDir'], {
    cwd: join(import.meta.dirname, '..'),
    env: { ...process.env, NODE_ENV: 'production' },
  })
  return { dist, [Symbol.dispose]: () => rmSync(dist, { recursive: true, force: true }) }
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly impact: string | null
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
  }[]
}

/** What axe calls serious or critical, as lines a person can act on. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const { violations } = await page.evaluate<AxeResults>('axe.run({ resultTypes: ["violations"] })')
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html} ${node.failureSummary ?? ''}`))
}

export interface OpenPage extends AsyncDisposable {
  readonly page: Page
  /** Errors that the page threw or logged, except failed requests, which tests cause on purpose. */
  readonly errors: readonly string[]
}

export async function openPage(browser: Browser, options: BrowserContextOptions): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  const errors: string[] = []
  page.on('pageerror', error => errors.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      errors.push(message.text())
    }
  })
  return { page, errors, [Symbol.asyncDispose]: () => context.close() }
}

/** Walks with Tab until the focus is on what is called so; the tests of the keyboard use nothing else. */
export async function tabTo(page: Page, name: string): Promise<void> {
  const passed: string[] = []
  for (let step = 0; step < 80; step++) {
    await page.keyboard.press('Tab')
    const focused = await page.evaluate(() => {
      const element = document.activeElement
      return element?.getAttribute('aria-label') ?? element?.textContent?.trim() ?? ''
    })
    if (focused === name) return
    passed.push(focused.slice(0, 30))
  }
  throw new Error(`Tab never reached "${name}"; it passed ${passed.join(' | ')}`)
}
