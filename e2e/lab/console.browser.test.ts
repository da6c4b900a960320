import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ChangeView, PolicyView } from '@sekisho/control'
import { type Lab, startLab } from '@sekisho/lab'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { en } from '../../apps/console/src/i18n/en/index.ts'
import type { Dictionary } from '../../apps/console/src/i18n/index.ts'
import { ja } from '../../apps/console/src/i18n/ja/index.ts'
import {
  type Built,
  buildConsole,
  chromiumMissing,
  openBrowser,
  seriousFindings,
} from '../../apps/console/test/browser.ts'
import { type Api, apiOf, programmed, recordedUpTo } from './api.ts'
import { everythingDone, openTally, tried } from './counts.ts'

const execute = promisify(execFile)
const SERVER = join(import.meta.dirname, '../../bin/sekisho-server')
const PORT = 23_443
const ATTACKER = 'shop/legacy-cms'
/** Enough of both to tell that the one works and the other is stopped. */
const ENOUGH = { shop: 150, attacker: 10 }

/** A browser that has never been here; everything it complains about is kept. */
async function newcomer(browser: Browser, options: BrowserContextOptions) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
  context.setDefaultTimeout(180_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}

/** A page with real data on it, for everyone to use. */
async function accessible(page: Page, heading: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name: heading }).waitFor()
  await page.locator('main .loading').first().waitFor({ state: 'detached' })
  expect(await seriousFindings(page), heading).toEqual([])
  expect(await page.locator('body').textContent(), heading).not.toMatch(/undefined|NaN|\[object/)
}

const go = (page: Page, name: string) => page.getByRole('link', { name, exact: true }).first().click()

async function seesTheAttack(page: Page, t: Dictionary): Promise<void> {
  const alarm = page.locator('.attention.critical', { hasText: ATTACKER })
  await alarm.waitFor()
  await accessible(page, t.overview.title)
  await alarm.getByRole('link', { name: t.overview.action['show-map'] }).click()
  await page.getByRole('button', { name: t.map.view.table }).click()
  await page
    .getByRole('row', { name: new RegExp(ATTACKER) })
    .first()
    .waitFor()
  await accessible(page, t.map.title)
  await page.getByRole('button', { name: t.map.view.map }).click()
  await page.locator('.map-title', { hasText: 'shop' }).waitFor()
  await accessible(page, t.map.title)
}

async function suggestsAndSimulates(page: Page, t: Dictionary): Promise<void> {
  await go(page, t.app.nav.policies)
  await go(page, t.policies.suggest)
  await accessible(page, t.policies.suggestPage.title)
  await page.getByRole('button', { name: t.policies.suggestPage.propose }).click()
  await page.getByText(t.policies.suggestPage.excluded).waitFor()
  await page.getByRole('button', { name: t.policies.suggestPage.toSimulate, exact: true }).click()
  await page.getByText(t.policies.simulation.verdictGood).waitFor()
  const [unchanged, broken, attacks] = await page.locator('.sim-figure b').allTextContents()
  expect(broken).toBe('0')
  expect(unchanged).not.toBe('0')
  expect(attacks).not.toBe('0')
  await accessible(page, t.policies.suggestPage.title)
}

async function enforces(page: Page, t: Dictionary): Promise<void> {
  await page.getByRole('button', { name: t.policies.apply.enforce }).click()
  await page.getByRole('dialog').getByRole('button', { name: t.policies.apply.enforce }).click()
  await page.getByRole('timer').waitFor()
}

async function keeps(page: Page, t: Dictionary): Promise<void> {
  await page.locator('.banner.pending').getByRole('button', { name: t.app.change.keep, exact: true }).click()
  await page.getByText(t.app.change.kept).waitFor()
  await page.locator('.banner.pending').waitFor({ state: 'detached' })
}

/** The engine in the browser says of the attack what the kernel does. */
async function asksTheEngine(page: Page, t: Dictionary): Promise<void> {
  await go(page, t.app.nav.policies)
  await page.getByRole('link', { name: 'learned-legacy-cms' }).first().click()
  const { ask } = t.policies
  await page.locator('.ask-form .button:not([data-disabled])').waitFor()
  await page.getByLabel(t.terms.source, { exact: true }).fill(ATTACKER)
  await page.getByLabel(t.terms.destination, { exact: true }).fill('payments/db')
  await page.getByLabel(t.terms.port, { exact: true }).fill('5432')
  await page.getByRole('button', { name: ask.submit.explain }).click()
  await page.locator('.ask .badge.denied').waitFor()
  await page.getByRole('radio', { name: ask.kind.difference }).click()
  await page.getByRole('button', { name: ask.submit.difference }).click()
  await page.getByText(ask.difference.none).waitFor()
  await accessible(page, 'learned-legacy-cms')
}

/** What was denied is told on every page that records something. */
async function readsTheRecords(page: Page, t: Dictionary): Promise<void> {
  await go(page, t.app.nav.overview)
  await page.getByRole('link', { name: t.terms.outcome.denied, exact: true }).click()
  await page
    .getByRole('row', { name: new RegExp(ATTACKER) })
    .first()
    .click()
  await page.getByText(t.terms.reasonSentence.isolated).first().waitFor()
  await accessible(page, t.flows.title)
  await go(page, t.app.nav.policies)
  await page.getByText('learned-legacy-cms').first().waitFor()
  await accessible(page, t.policies.title)
  await go(page, t.app.nav.events)
  await page.getByText(ATTACKER).first().waitFor()
  await accessible(page, t.records.events.title)
  await go(page, t.app.nav.agents)
  await page.getByText(t.records.agents.upToDate).first().waitFor()
  await accessible(page, t.records.agents.title)
  await go(page, t.app.nav.audit)
  await page.getByText(t.records.audit.actions['change.keep']).first().waitFor()
  await accessible(page, t.records.audit.title)
}

describeAsRoot('the first five minutes in a browser', () => {
  if (chromiumMissing()) return
  let built: Built
  let lab: Lab
  let api: Api
  let browser: Browser
  beforeAll(async () => {
    built = await buildConsole()
    lab = await startLab({
      prefix: 'sekisho-b',
      runDir: '/run/sekisho-browser',
      port: PORT,
      serverArguments: ['--console', built.dist],
    })
    lab.startCampaign()
    api = apiOf(lab)
    browser = await openBrowser()
    await everythingDone(lab)
    await recordedUpTo(api, new Date())
  }, 600_000)
  afterAll(async () => {
    await browser?.close()
    await lab?.[Symbol.asyncDispose]()
    built?.[Symbol.dispose]()
  }, 120_000)

  const loginLink = async (): Promise<string> => {
    const { stdout } = await execute(SERVER, ['login-link', '--data', join(lab.runDir, 'server')])
    return stdout.trim()
  }
  const withoutPolicies = async () => {
    const { items } = await api.get<{ items: PolicyView[] }>('policies')
    if (items.length > 0) await api.post<ChangeView>('policies/delete', { ids: items.map(({ id }) => id) })
  }

  test.each([
    ['English', en, { locale: 'en-GB', colorScheme: 'light' }],
    ['Japanese', ja, { locale: 'ja-JP', colorScheme: 'dark' }],
  ] as const)(
    '%s',
    async (_language, t, options) => {
      await withoutPolicies()
      await using visit = await newcomer(browser, options)
      const { page, complaints } = visit
      await page.goto(await loginLink())
      await page.getByRole('heading', { level: 1, name: t.overview.title }).waitFor()
      await seesTheAttack(page, t)
      await suggestsAndSimulates(page, t)
      await enforces(page, t)
      await programmed(api)
      const outcome = await tried(await openTally(lab), ENOUGH)
      process.stderr.write(`counted by the programs themselves: ${JSON.stringify(outcome)}\n`)
      expect(outcome).toMatchObject({ shopFailed: [], attackerReached: [] })
      await keeps(page, t)
      const { items } = await api.get<{ items: ChangeView[] }>('changes')
      expect(items[0]?.state).toBe('kept')
      await asksTheEngine(page, t)
      await readsTheRecords(page, t)
      expect(complaints).toEqual([])
    },
    600_000,
  )
})
